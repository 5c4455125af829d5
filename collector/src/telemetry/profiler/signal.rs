//! The timer's signal: from the kernel's call to a stack of addresses in [`SAMPLES`].
//!
//! Ours instead of the crate `pprof`: that one keeps a table of 16384 stacks of 4 kB each, all of
//! it resident from the first profile on (measured: from 34 MB to 126 MB; with this to 40 MB), and
//! loses what is interrupted in libc.
//!
//! `make sanitize` runs it under the address sanitizer; Miri knows neither signals nor timers.
#![expect(
    unsafe_code,
    reason = "signal handlers, timers and unwinding have no safe interface; each use says why it \
              is sound"
)]

use std::ffi::{c_int, c_void};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::maps::CodeMapping;
use super::samples::SampleBuffer;

/// The samples that were taken and not collected yet.
pub(super) static SAMPLES: SampleBuffer = SampleBuffer::new();

/// Whether a profile is being taken: there is one timer for the process.
static IS_RUNNING: AtomicBool = AtomicBool::new(false);

/// Address ranges (first, behind the last) whose code is not unwound from. Zero: none.
static NOT_UNWOUND: [[AtomicUsize; 2]; 16] = [const { [const { AtomicUsize::new(0) }; 2] }; 16];

/// A running timer; dropping it stops the timer.
#[derive(Debug)]
pub(super) struct Sampling(());

impl Sampling {
    /// Starts the timer: a sample each `1 / hz` seconds of the process' CPU time. `None` if it
    /// runs already.
    pub(super) fn start(hz: u32, mappings: &[CodeMapping]) -> io::Result<Option<Self>> {
        if IS_RUNNING.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        let sampling = Self(());
        forbid_unwinding(mappings);
        SAMPLES.take_lost();
        // A handler of the profile before may have it still; what it writes is of no use.
        SAMPLES.drain(|_| {});
        set_handler(on_signal as *const () as libc::sighandler_t)?;
        set_timer(1_000_000 / i64::from(hz.max(1)))?;
        Ok(Some(sampling))
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        let _ = set_timer(0);
        // A signal that is on its way still must not meet the default action, which is to kill.
        let _ = set_handler(libc::SIG_IGN);
        IS_RUNNING.store(false, Ordering::Release);
    }
}

/// Unwinding from inside the unwinder or the dynamic linker may find their tables half changed.
/// So does, before glibc 2.35, unwinding from inside libc (`dl_iterate_phdr`); since then the
/// unwinder uses `_dl_find_object`, which is made for signal handlers (glibc manual, 36.2).
fn forbid_unwinding(mappings: &[CodeMapping]) {
    let mut slots = NOT_UNWOUND.iter();
    let is_dangerous = |mapping: &&CodeMapping| {
        let name = mapping.path.rsplit('/').next().unwrap_or_default();
        let is_libc = name.starts_with("libc.so") || name.starts_with("libc-");
        name.starts_with("libgcc") || name.starts_with("ld-") || is_libc && !has_dl_find_object()
    };
    for mapping in mappings.iter().filter(is_dangerous) {
        let Some([start, end]) = slots.next() else {
            break;
        };
        start.store(mapping.start as usize, Ordering::Relaxed);
        end.store(mapping.end as usize, Ordering::Relaxed);
    }
}

fn has_dl_find_object() -> bool {
    // SAFETY: looks a name up among the loaded libraries; the name is zero-terminated.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
    !found.is_null()
}

fn set_handler(handler: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: all-zero bytes are a valid `sigaction` (no flags, an empty mask).
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: `action` is a whole `sigaction`, and its handler is `SIG_IGN` or `on_signal`, which
    // has the signature that SA_SIGINFO asks for and only does what a handler may.
    let result = unsafe { libc::sigaction(libc::SIGPROF, &action, std::ptr::null_mut()) };
    check(result)
}

/// A signal each `micros` of CPU time; 0 stops them.
fn set_timer(micros: i64) -> io::Result<()> {
    let interval = libc::timeval {
        tv_sec: (micros / 1_000_000) as libc::time_t,
        tv_usec: (micros % 1_000_000) as libc::suseconds_t,
    };
    let timer = libc::itimerval {
        it_interval: interval,
        it_value: interval,
    };
    // SAFETY: `timer` is a whole `itimerval` and outlives the call.
    let result = unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, std::ptr::null_mut()) };
    check(result)
}

fn check(result: c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The handler. It allocates nothing, locks nothing, and leaves `errno` as it was.
extern "C" fn on_signal(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: `errno` of this thread, which is valid as long as the thread runs.
    let errno = unsafe { *libc::__errno_location() };
    let interrupted = interrupted_address(context);
    SAMPLES.record(|push| match may_unwind(interrupted) {
        true => unwind(interrupted, push),
        // At least the leaf is known. One more, as callers are return addresses.
        false => {
            push(interrupted.wrapping_add(1));
        }
    });
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

fn may_unwind(address: usize) -> bool {
    NOT_UNWOUND.iter().all(|[start, end]| {
        !(start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed)).contains(&address)
    })
}

/// Pushes the interrupted address and those it returns to. The frames of the handler itself, which
/// the unwinder meets first, are left out.
fn unwind(interrupted: usize, push: &mut dyn FnMut(usize) -> bool) {
    let mut is_past_handler = interrupted == 0;
    // SAFETY: 'unsynchronized' leaves out the lock against concurrent users of Windows' dbghelp;
    // here it is libgcc's unwinder alone, which may be entered by many threads at once.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            let address = frame.ip() as usize;
            if is_past_handler {
                // A thread's first function returns to 0.
                return address != 0 && push(address);
            }
            is_past_handler = address == interrupted;
            // The leaf is where it was interrupted, not a return address behind a call.
            !is_past_handler || push(address.wrapping_add(1))
        });
    }
    if !is_past_handler {
        push(interrupted.wrapping_add(1));
    }
}

/// The instruction that was interrupted; 0 on architectures where we do not know where it is.
fn interrupted_address(context: *mut c_void) -> usize {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: with SA_SIGINFO the third argument points to the `ucontext_t` of the interrupted
    // thread, or is checked to be null.
    let Some(context) = (unsafe { context.as_ref() }) else {
        return 0;
    };
    program_counter(context)
}

#[cfg(target_arch = "x86_64")]
fn program_counter(context: &libc::ucontext_t) -> usize {
    context
        .uc_mcontext
        .gregs
        .get(libc::REG_RIP as usize)
        .map_or(0, |rip| *rip as usize)
}

#[cfg(target_arch = "aarch64")]
fn program_counter(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.pc as usize
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn program_counter(_: &libc::ucontext_t) -> usize {
    0
}
