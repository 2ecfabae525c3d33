// SPDX-License-Identifier: LGPL-2.1-or-later
//! The libvirt calls that crate `virt` has no wrapper for. The only file with `unsafe`.
//!
//! Events come from libvirt itself and not from libvirt-dbus: they work with every URI, `test:///default` among them, need no second
//! daemon, and the same connection tells when libvirtd goes away.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::mpsc::Sender;

use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;

/// What libvirt tells of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something about the VM with this UUID changed: its state, definition, devices, disks or metadata.
    Domain(String),
    /// The connection is lost.
    Closed,
    /// From whoever waits for events: nobody wants them any more.
    Stop,
}

/// Labels of a running VM, one for each security driver.
pub fn security_labels(domain: &Domain) -> Result<Vec<String>, Error> {
    let mut list: virt_sys::virSecurityLabelPtr = ptr::null_mut();
    // SAFETY: `domain` is a live reference; libvirt stores a malloc'ed array of the returned length in `list`.
    let count = unsafe { virt_sys::virDomainGetSecurityLabelList(domain.as_ptr(), &raw mut list) };
    let Ok(count) = usize::try_from(count) else { return Err(Error::last_error()) };
    let mut labels = Vec::new();
    if !list.is_null() {
        for index in 0..count {
            // SAFETY: `index` is below the returned length, and libvirt ends each label with a NUL.
            let text = unsafe { CStr::from_ptr((*list.add(index)).label.as_ptr()) };
            if !text.is_empty() {
                labels.push(text.to_string_lossy().into_owned());
            }
        }
        // SAFETY: the array is ours and came from libvirt's allocator, which is malloc.
        unsafe { free(list.cast()) };
    }
    Ok(labels)
}

/// The taint messages of a running VM. They are libvirt's own sentences, in the daemon's language.
pub fn taint_messages(domain: &Domain) -> Result<Vec<String>, Error> {
    let mut list: *mut *mut c_char = ptr::null_mut();
    let flags = virt_sys::VIR_DOMAIN_MESSAGE_TAINTING;
    // SAFETY: as above; each element of `list` is a malloc'ed C string.
    let count = unsafe { virt_sys::virDomainGetMessages(domain.as_ptr(), &raw mut list, flags) };
    let Ok(count) = usize::try_from(count) else { return Err(Error::last_error()) };
    let mut messages = Vec::new();
    if !list.is_null() {
        for index in 0..count {
            // SAFETY: `index` is below the returned length; string and array are ours to free.
            unsafe {
                let text = *list.add(index);
                messages.push(CStr::from_ptr(text).to_string_lossy().into_owned());
                free(text.cast());
            }
        }
        // SAFETY: as for the labels.
        unsafe { free(list.cast()) };
    }
    Ok(messages)
}

/// The texts of a guest agent's answers, by libvirt's field names, of those fields that `keep` names. The guest chooses what and how many
/// they are; libvirt refuses an answer of more than 10 MiB, and no more than [`FIELD_LIMIT`] are kept here.
pub fn guest_info(
    domain: &Domain,
    types: virt_sys::virDomainGuestInfoTypes,
    keep: impl Fn(&str) -> bool,
) -> Result<Vec<(String, String)>, Error> {
    let mut list: virt_sys::virTypedParameterPtr = ptr::null_mut();
    let mut count: c_int = 0;
    // SAFETY: `domain` is a live reference; libvirt stores an array and its length, which are ours to free.
    let result = unsafe { virt_sys::virDomainGetGuestInfo(domain.as_ptr(), types, &raw mut list, &raw mut count, 0) };
    if result < 0 {
        return Err(Error::last_error());
    }
    let mut fields = Vec::new();
    if !list.is_null() {
        for index in 0..usize::try_from(count).unwrap_or(0) {
            if fields.len() >= FIELD_LIMIT {
                break;
            }
            // SAFETY: `index` is below the returned length.
            let parameter = unsafe { &*list.add(index) };
            if u32::try_from(parameter.type_) != Ok(virt_sys::VIR_TYPED_PARAM_STRING) {
                continue;
            }
            // SAFETY: libvirt ends the name with a NUL, and for this type the union holds a C string.
            let (name, text) = unsafe { (CStr::from_ptr(parameter.field.as_ptr()), parameter.value.s) };
            let Ok(name) = name.to_str() else { continue };
            if !text.is_null() && keep(name) {
                // SAFETY: as above; the string lives until the array is freed.
                let text = unsafe { CStr::from_ptr(text) };
                fields.push((name.to_owned(), text.to_string_lossy().into_owned()));
            }
        }
        // SAFETY: array and length are those that libvirt returned.
        unsafe { virt_sys::virTypedParamsFree(list, count) };
    }
    Ok(fields)
}

const FIELD_LIMIT: usize = 1024;

unsafe extern "C" {
    // Of the C library, which is linked anyway.
    fn free(pointer: *mut c_void);
}

/// Starts libvirt's event loop in a thread of its own, once in a process and before the first connection that wants events.
pub fn start_event_loop() -> Result<(), String> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    STARTED
        .get_or_init(|| {
            // SAFETY: no other code of this process registers an event implementation.
            if unsafe { virt_sys::virEventRegisterDefaultImpl() } < 0 {
                return Err(Error::last_error().message().to_owned());
            }
            let run = || {
                loop {
                    // SAFETY: the default implementation was registered above, and only this thread runs it.
                    if unsafe { virt_sys::virEventRunDefaultImpl() } < 0 {
                        // A broken loop must not spin; connections then end by their own timeouts.
                        std::thread::sleep(std::time::Duration::from_secs(1));
                    }
                }
            };
            std::thread::Builder::new()
                .name("libvirt events".to_owned())
                .spawn(run)
                .map(drop)
                .map_err(|error| error.to_string())
        })
        .clone()
}

/// Events of one connection, delivered until it is dropped.
pub struct Subscription {
    connection: Connect,
    callbacks: Vec<c_int>,
}

impl Subscription {
    /// Needs [`start_event_loop`] before the connection was opened.
    pub fn new(connection: &Connect, sender: &Sender<Event>) -> Result<Self, Error> {
        let mut this = Self { connection: connection.clone(), callbacks: Vec::new() };
        let lifecycle = on_lifecycle as unsafe extern "C" fn(_, _, _, _, _) -> _;
        let named = on_named as unsafe extern "C" fn(_, _, _, _);
        let metadata = on_metadata as unsafe extern "C" fn(_, _, _, _, _);
        let disk = on_disk as unsafe extern "C" fn(_, _, _, _, _, _, _);
        // SAFETY: libvirt's interface wants each callback cast to the generic type, and calls it with the arguments of its event id
        // (VIR_DOMAIN_EVENT_CALLBACK in libvirt-domain.h).
        let handlers: [(u32, virt_sys::virConnectDomainEventGenericCallback); 5] = unsafe {
            use std::mem::transmute;
            [
                (
                    virt_sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                    transmute::<LifecycleFn, virt_sys::virConnectDomainEventGenericCallback>(lifecycle),
                ),
                (
                    virt_sys::VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
                    transmute::<NamedFn, virt_sys::virConnectDomainEventGenericCallback>(named),
                ),
                (
                    virt_sys::VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
                    transmute::<NamedFn, virt_sys::virConnectDomainEventGenericCallback>(named),
                ),
                (
                    virt_sys::VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
                    transmute::<MetadataFn, virt_sys::virConnectDomainEventGenericCallback>(metadata),
                ),
                (
                    virt_sys::VIR_DOMAIN_EVENT_ID_DISK_CHANGE,
                    transmute::<DiskFn, virt_sys::virConnectDomainEventGenericCallback>(disk),
                ),
            ]
        };
        for (id, callback) in handlers {
            let opaque = Box::into_raw(Box::new(sender.clone()));
            let id = c_int::try_from(id).unwrap_or_default();
            // SAFETY: libvirt owns `opaque` from now on and gives it back to `drop_sender` once.
            let number = unsafe {
                virt_sys::virConnectDomainEventRegisterAny(
                    connection.as_ptr(),
                    ptr::null_mut(),
                    id,
                    callback,
                    opaque.cast(),
                    Some(drop_sender),
                )
            };
            if number >= 0 {
                this.callbacks.push(number);
                continue;
            }
            // SAFETY: a refused registration leaves `opaque` with us.
            drop(unsafe { Box::from_raw(opaque) });
            // Drivers know different events; without the first there is nothing to watch.
            if this.callbacks.is_empty() {
                return Err(Error::last_error());
            }
        }
        let opaque = Box::into_raw(Box::new(sender.clone()));
        // SAFETY: as above. Drivers in this process (test:///) refuse: they cannot go away.
        let refused = unsafe {
            virt_sys::virConnectRegisterCloseCallback(
                connection.as_ptr(),
                Some(on_close),
                opaque.cast(),
                Some(drop_sender),
            )
        } < 0;
        if refused {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(opaque) });
        }
        Ok(this)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        for number in self.callbacks.drain(..) {
            // SAFETY: the numbers came from this connection. A connection that is already lost refuses, and frees by itself.
            unsafe { virt_sys::virConnectDomainEventDeregisterAny(self.connection.as_ptr(), number) };
        }
        // SAFETY: `on_close` is the callback that was registered, if any was.
        unsafe { virt_sys::virConnectUnregisterCloseCallback(self.connection.as_ptr(), Some(on_close)) };
    }
}

type LifecycleFn =
    unsafe extern "C" fn(virt_sys::virConnectPtr, virt_sys::virDomainPtr, c_int, c_int, *mut c_void) -> c_int;
type NamedFn = unsafe extern "C" fn(virt_sys::virConnectPtr, virt_sys::virDomainPtr, *const c_char, *mut c_void);
type MetadataFn =
    unsafe extern "C" fn(virt_sys::virConnectPtr, virt_sys::virDomainPtr, c_int, *const c_char, *mut c_void);
type DiskFn = unsafe extern "C" fn(
    virt_sys::virConnectPtr,
    virt_sys::virDomainPtr,
    *const c_char,
    *const c_char,
    *const c_char,
    c_int,
    *mut c_void,
);

unsafe extern "C" fn on_lifecycle(
    _: virt_sys::virConnectPtr,
    domain: virt_sys::virDomainPtr,
    _event: c_int,
    _detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: libvirt passes a live domain and the box that was registered.
    unsafe { send_domain(domain, opaque) };
    0
}

unsafe extern "C" fn on_named(
    _: virt_sys::virConnectPtr,
    domain: virt_sys::virDomainPtr,
    _alias: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: as in `on_lifecycle`.
    unsafe { send_domain(domain, opaque) };
}

unsafe extern "C" fn on_metadata(
    _: virt_sys::virConnectPtr,
    domain: virt_sys::virDomainPtr,
    _kind: c_int,
    _namespace: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: as in `on_lifecycle`.
    unsafe { send_domain(domain, opaque) };
}

unsafe extern "C" fn on_disk(
    _: virt_sys::virConnectPtr,
    domain: virt_sys::virDomainPtr,
    _old: *const c_char,
    _new: *const c_char,
    _alias: *const c_char,
    _reason: c_int,
    opaque: *mut c_void,
) {
    // SAFETY: as in `on_lifecycle`.
    unsafe { send_domain(domain, opaque) };
}

unsafe extern "C" fn on_close(_: virt_sys::virConnectPtr, _reason: c_int, opaque: *mut c_void) {
    // SAFETY: the box that was registered; libvirt keeps it until `drop_sender`.
    let sender = unsafe { &*opaque.cast::<Sender<Event>>() };
    let _ = sender.send(Event::Closed);
}

/// # Safety
/// `domain` is live, `opaque` is a registered box.
unsafe fn send_domain(domain: virt_sys::virDomainPtr, opaque: *mut c_void) {
    let mut text = [0; virt_sys::VIR_UUID_STRING_BUFLEN as usize];
    // SAFETY: the buffer has the length that libvirt wants.
    if unsafe { virt_sys::virDomainGetUUIDString(domain, text.as_mut_ptr()) } < 0 {
        return;
    }
    // SAFETY: libvirt ends the text with a NUL.
    let uuid = unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned();
    // SAFETY: libvirt keeps the box until `drop_sender`. Nobody listens any more while a subscription is being dropped.
    let sender = unsafe { &*opaque.cast::<Sender<Event>>() };
    let _ = sender.send(Event::Domain(uuid));
}

unsafe extern "C" fn drop_sender(opaque: *mut c_void) {
    // SAFETY: libvirt calls this once for each box.
    drop(unsafe { Box::from_raw(opaque.cast::<Sender<Event>>()) });
}
