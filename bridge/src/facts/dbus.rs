pub fn read(_: &mut super::Host) {}
