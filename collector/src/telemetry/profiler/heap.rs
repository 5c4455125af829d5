//! The heap profile of this process: jemalloc's own sampling.
//!
//! The allocator and its settings are declared in `main.rs`; without them (in a unit test, in
//! another program) there is no heap profile, and it is said so.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::sync::{Mutex, PoisonError};

use exporter::web::SelfProfileError;
use proto::profile::{LocationId, Profile, ProfileBuilder, ValueType};
use regex::Regex;

use super::heap_dump::{self, HeapDump};
use super::symbols::Symbolizer;
use super::{failed, maps, unix_nanos};

/// A dump lists each stack once, a few hundred bytes each: this is far more than there can be.
const MAX_DUMP_BYTES: u64 = 256 << 20;

/// Frames of the allocator and of its profiler, which every stack starts with. Here those that
/// are a call of their own are left out; readers drop those that were inlined into their caller.
const DROP_FRAMES: &str = "prof_.*|imalloc.*|iralloc.*|do_r.*alloc.*|fallback_.*|je_.*|_?rjem_.*|\
                           malloc|calloc|realloc|posix_memalign|aligned_alloc|mallocx|rallocx|\
                           sdallocx|.*::__rust_.*alloc.*|__r(ust|dl|g)_.*alloc.*|\
                           .*::Jemalloc as .*|alloc|<?alloc::(alloc|raw_vec)::.*";

/// The file that jemalloc writes its dump to: it is in memory and has no name in any folder.
static DUMP_FILE: Mutex<Option<DumpFile>> = Mutex::new(None);

struct DumpFile {
    file: File,
    /// `/proc/self/fd/N`, zero-terminated. Leaked once, since jemalloc asks for a string that
    /// lives for ever.
    path: &'static [u8],
}

/// What is allocated now. Blocks for some milliseconds.
pub(super) fn profile() -> Result<Profile, SelfProfileError> {
    if !tikv_jemalloc_ctl::profiling::prof::read().unwrap_or(false) {
        let reason = "heap profiling is off: the allocator was not started with prof:true";
        return Err(SelfProfileError::Unavailable { reason });
    }
    let dump = heap_dump::parse(&take_dump()?).map_err(failed)?;
    build(&dump)
}

fn take_dump() -> Result<String, SelfProfileError> {
    let mut slot = DUMP_FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let dump_file = match &mut *slot {
        Some(dump_file) => dump_file,
        slot => slot.insert(DumpFile::create().map_err(failed)?),
    };
    tikv_jemalloc_ctl::raw::write_str(b"prof.dump\0", dump_file.path)
        .map_err(|error| failed(format!("jemalloc: {error}")))?;
    dump_file.take().map_err(failed)
}

impl DumpFile {
    fn create() -> std::io::Result<Self> {
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        let file = File::from(rustix::fs::memfd_create("leadsman-heap", flags)?);
        let path = format!("/proc/self/fd/{}\0", file.as_raw_fd());
        Ok(Self {
            file,
            path: Box::leak(path.into_bytes().into_boxed_slice()),
        })
    }

    /// Reads the dump and gives its memory back.
    fn take(&mut self) -> std::io::Result<String> {
        let mut text = String::new();
        // Opened anew: reading moves no position that the next dump would start from.
        let path = self.path.strip_suffix(b"\0").unwrap_or(self.path);
        let path = std::str::from_utf8(path).map_err(std::io::Error::other)?;
        File::open(path)?
            .take(MAX_DUMP_BYTES)
            .read_to_string(&mut text)?;
        self.file.set_len(0)?;
        Ok(text)
    }
}

fn build(dump: &HeapDump) -> Result<Profile, SelfProfileError> {
    let mut symbolizer = Symbolizer::new(maps::of_this_process().map_err(failed)?);
    let mut builder = ProfileBuilder::new();
    let allocator = allocator_frames().map_err(failed)?;
    describe(&mut builder, dump.sample_period);
    for stack in dump.stacks.iter().filter(|stack| stack.n_objects > 0) {
        let addresses = stack.addresses.iter();
        let locations: Vec<_> = addresses
            .map(|address| symbolizer.location(&mut builder, *address))
            .collect();
        let n_internal = locations
            .iter()
            .take_while(|id| is_internal(builder.profile(), **id, &allocator))
            .count();
        let stack_id = builder.stack(locations.get(n_internal..).unwrap_or_default());
        builder.add_sample(
            stack_id,
            Default::default(),
            &[stack.n_objects, stack.bytes],
        );
    }
    Ok(builder.finish())
}

fn allocator_frames() -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{DROP_FRAMES})$"))
}

/// Whether all functions at a location are the allocator's.
fn is_internal(profile: &Profile, id: LocationId, allocator: &Regex) -> bool {
    let Some(location) = profile.locations.get(id.0 as usize) else {
        return false;
    };
    let mut names = location.lines.iter().map(|line| {
        let function = profile.functions.get(line.function.0 as usize);
        function.map_or("", |function| profile.strings.get(function.name))
    });
    !location.lines.is_empty() && names.all(|name| allocator.is_match(name))
}

fn describe(builder: &mut ProfileBuilder, sample_period: u64) {
    let objects = ValueType {
        kind: builder.string("inuse_objects"),
        unit: builder.string("count"),
    };
    let space = ValueType {
        kind: builder.string("inuse_space"),
        unit: builder.string("bytes"),
    };
    let period_type = ValueType {
        kind: builder.string("space"),
        unit: builder.string("bytes"),
    };
    let drop_frames = builder.string(DROP_FRAMES);
    let profile = builder.profile_mut();
    profile.sample_types = vec![objects, space];
    profile.default_sample_type = Some(1);
    profile.period_type = period_type;
    profile.period = i64::try_from(sample_period).unwrap_or(i64::MAX);
    profile.time_nanos = unix_nanos();
    profile.drop_frames = drop_frames;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::profiler::heap_dump::HeapStack;

    #[test]
    fn stacks_of_a_dump_get_function_names() {
        // An address inside a function that has a name whatever the build's settings.
        let address = profile as fn() -> _ as usize as u64 + 2;
        let stack = HeapStack {
            addresses: vec![address],
            n_objects: 2,
            bytes: 4096,
        };
        let dump = HeapDump {
            sample_period: 524_288,
            stacks: vec![stack],
        };
        let profile = build(&dump).unwrap();
        assert_eq!((profile.total(0), profile.total(1)), (2, 4096));
        let names: Vec<&str> = profile
            .functions
            .iter()
            .map(|function| profile.strings.get(function.name))
            .collect();
        assert!(
            names.iter().any(|name| name.contains("heap::profile")),
            "{names:?}"
        );
    }

    #[test]
    fn the_frames_of_the_allocator_are_known() {
        let allocator = allocator_frames().unwrap();
        let inner = [
            "prof_alloc_prep",
            "do_rallocx",
            "realloc",
            "<tikv_jemallocator::Jemalloc as core::alloc::global::GlobalAlloc>::realloc",
            "<alloc::raw_vec::RawVecInner>::finish_grow",
            "alloc::alloc::Global::alloc_impl_runtime",
        ];
        for name in inner {
            assert!(allocator.is_match(name), "{name}");
        }
        for name in [
            "alloc::vec::Vec<T,A>::resize",
            "proto::profile::reallocate",
            "main",
        ] {
            assert!(!allocator.is_match(name), "{name}");
        }
    }

    #[test]
    fn without_the_allocators_profiling_there_is_a_reason() {
        // Unit tests run without the settings of `main.rs`.
        let error = profile().unwrap_err();
        assert!(
            matches!(error, SelfProfileError::Unavailable { .. }),
            "{error}"
        );
    }
}
