//! `leadsman`: takes soundings of etcd, containerd and any Go service.

use tikv_jemallocator::Jemalloc;

/// Gives memory back sooner and fragments less than the system's allocator under many threads,
/// and samples the heap for `/debug/pprof/heap`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// jemalloc's settings, which it reads from the symbol `malloc_conf` before `main` runs.
/// `lg_prof_sample:19`: a stack is recorded for each 512 KiB allocated (Go's default), which costs
/// nothing that can be measured. `narenas`: few threads allocate, and each arena keeps unused pages
/// of its own. `tcache_max`: pages of metrics are reused without a detour. `background_thread`,
/// `dirty_decay_ms`: unused pages go back to the system after some seconds, also when nothing is
/// allocated. `MALLOC_CONF` in the environment overrides them.
#[expect(
    unsafe_code,
    reason = "an exported name is 'unsafe' as it could clash: this one is there to be found by \
              jemalloc, which declares it weak, as a pointer to a zero-terminated string; a thin \
              reference to an array is exactly that"
)]
#[unsafe(export_name = "malloc_conf")]
pub static MALLOC_CONF: &[u8; 116] =
    b"prof:true,prof_active:true,lg_prof_sample:19,narenas:1,tcache_max:131072,background_thread:true,dirty_decay_ms:5000\0";

fn main() -> std::process::ExitCode {
    collector::cli::main()
}
