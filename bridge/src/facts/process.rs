use super::{Fact, Vm, host::Process, root::Root};
pub fn read(_: &Root) -> Fact<Vec<Process>> {
    Fact::default()
}
pub fn of_vm(_: &Root, _: &Vm, _: &Fact<Vec<Process>>) -> Fact<Option<Process>> {
    Fact::default()
}
