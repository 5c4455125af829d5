//! The table of hot functions that is compiled in.

use std::path::Path;
use std::sync::LazyLock;

use baseline::causes::{self, Cause, Causes, Function};

use super::ConfigErrors;
use super::scalar::{boolean, list, non_empty};
use super::table::{Source, Table};
use super::yaml;

/// The table of hot functions, from `baseline/catalogue/causes.yaml`.
///
/// # Errors
/// None, unless the file that is compiled in is wrong; a test sees to that.
pub fn built_in() -> Result<Causes, ConfigErrors> {
    static READ: LazyLock<Result<Causes, ConfigErrors>> = LazyLock::new(read_file);
    READ.clone()
}

fn read_file() -> Result<Causes, ConfigErrors> {
    let (file, text) = causes::FILE;
    let document = yaml::parse(text).map_err(|error| super::not_yaml(Path::new(file), error))?;
    let source = Source::new(Path::new(file));
    let read = source.table(&document, "the file", |table| table.tables("causes", read));
    source.finish()?;
    let read = read.into_iter().flatten().flatten();
    Ok(Causes::new(read.collect()))
}

fn read(table: &mut Table<'_>) -> Option<Cause> {
    let name = table.required("name", "a name", non_empty);
    let functions = |table: &mut Table<'_>, key| -> Vec<Function> {
        let names = table.get(key, list(non_empty)).unwrap_or_default();
        names.iter().map(|name| Function::new(name)).collect()
    };
    let cause = Cause {
        functions: functions(table, "functions"),
        with: functions(table, "with"),
        kinds: table.get("kinds", list(non_empty)).unwrap_or_default(),
        components: table.get("components", list(non_empty)).unwrap_or_default(),
        cause: table.get("cause", non_empty).unwrap_or_default(),
        remedy: table.get("remedy", non_empty).unwrap_or_default(),
        references: table.get("references", list(non_empty)).unwrap_or_default(),
        suppressed: table.get("suppressed", boolean).unwrap_or(false),
        name: name?,
    };
    for error in cause.check() {
        table.fail(error.key, error.problem, error.allowed);
    }
    Some(cause)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use baseline::causes::Stack;

    use super::*;

    fn causes() -> Causes {
        built_in().unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[test]
    fn the_table_is_whole() {
        let causes = causes();
        let names: BTreeSet<_> = causes.iter().map(|cause| cause.name.as_str()).collect();
        assert_eq!(names.len(), causes.iter().count(), "two have one name");
        assert!(names.len() >= 26, "only {}", names.len());
        for cause in causes.iter() {
            assert!(
                cause.cause.ends_with('.'),
                "{}: {}",
                cause.name,
                cause.cause
            );
            assert_eq!(cause.remedy.is_empty(), cause.suppressed, "{}", cause.name);
            assert!(!cause.references.is_empty(), "{}", cause.name);
        }
    }

    /// Stacks as profiles have them, and what the likeliest cause is.
    const STACKS: [(&str, &str, &[&str], Option<&str>); 15] = [
        (
            "etcd",
            "process_cpu",
            &[
                "google.golang.org/grpc.(*Server).handleRawConn",
                "crypto/tls.(*Conn).Handshake",
                "crypto/tls.(*Conn).HandshakeContext",
                "crypto/ecdsa.SignASN1",
            ],
            Some("tls_handshakes"),
        ),
        (
            "etcd",
            "process_cpu",
            &[
                "net/http.(*conn).serve",
                "crypto/tls.(*Conn).HandshakeContext",
            ],
            Some("tls_handshakes"),
        ),
        (
            "etcd",
            "process_cpu",
            &[
                "golang.org/x/crypto/bcrypt.bcrypt",
                "golang.org/x/crypto/blowfish.encryptBlock",
            ],
            Some("password_authentication"),
        ),
        (
            "etcd",
            "memory",
            &[
                "go.etcd.io/etcd/server/v3/storage/mvcc.(*storeTxnCommon).rangeKeys",
                "go.etcd.io/etcd/api/v3/mvccpb.(*KeyValue).Unmarshal",
            ],
            Some("large_lists"),
        ),
        (
            "etcd",
            "process_cpu",
            &[
                "go.etcd.io/etcd/server/v3/storage/mvcc.(*treeIndex).Compact.func1",
                "runtime.mallocgc",
            ],
            Some("compaction_of_many_keys"),
        ),
        (
            "etcd",
            "mutex",
            &[
                "go.etcd.io/etcd/mvcc.(*watchableStore).syncWatchersLoop",
                "go.etcd.io/etcd/mvcc.(*watchableStore).syncWatchers",
                "sync.(*RWMutex).Unlock",
            ],
            Some("slow_watchers"),
        ),
        (
            "etcd",
            "process_cpu",
            &["go.etcd.io/bbolt.(*freelist).arrayAllocate"],
            Some("large_freelist"),
        ),
        (
            "etcd",
            "process_cpu",
            &["go.etcd.io/etcd/server/v3/storage/backend.(*backend).defrag"],
            Some("defragmentation"),
        ),
        (
            "etcd",
            "goroutine",
            &[
                "go.etcd.io/etcd/client/pkg/v3/fileutil.Fdatasync",
                "syscall.Fdatasync",
                "syscall.Syscall",
            ],
            Some("slow_disk"),
        ),
        (
            "kubelet",
            "process_cpu",
            &[
                "github.com/google/cadvisor/manager.(*containerData).housekeeping",
                "github.com/opencontainers/runc/libcontainer/cgroups/fs2.(*manager).GetStats",
            ],
            Some("dying_cgroups"),
        ),
        (
            "kubelet",
            "goroutine",
            &["github.com/google/cadvisor/manager.(*containerData).housekeeping"],
            Some("housekeeping_leak"),
        ),
        (
            "containerd",
            "process_cpu",
            &[
                "github.com/containerd/containerd/archive.Apply",
                "compress/flate.(*decompressor).Read",
                "compress/flate.(*decompressor).huffmanBlock",
            ],
            Some("gzip_layers"),
        ),
        (
            "containerd",
            "process_cpu",
            &[
                "runtime.mcall",
                "runtime.park_m",
                "runtime.schedule",
                "runtime.findRunnable",
                "runtime.netpoll",
            ],
            None,
        ),
        (
            "anything",
            "process_cpu",
            &["main.work", "runtime.mallocgc", "runtime.gcAssistAlloc"],
            Some("gc_pressure"),
        ),
        (
            "anything",
            "mutex",
            &["main.work", "sync.(*Mutex).Unlock"],
            Some("lock_contention"),
        ),
    ];

    #[test]
    fn stacks_of_programs_are_explained() {
        let causes = causes();
        for (component, kind, functions, expected) in STACKS {
            let stack = Stack {
                functions,
                kind,
                component: Some(component),
            };
            let found = causes.of(stack);
            let likeliest = found.first().map(|cause| cause.name.as_str());
            assert_eq!(likeliest, expected, "{functions:?}");
        }
    }

    /// Of what was recorded of an etcd at work, the waiting of its scheduler is left out, and
    /// nothing is blamed that was not there.
    #[test]
    fn a_recorded_etcd_is_explained() {
        let bytes = include_bytes!("../../../proto/testdata/etcd-cpu.pb.gz");
        let bytes = proto::compress::decompress(bytes, 1 << 24).unwrap();
        let profile = proto::pprof::decode(&bytes).unwrap();
        let causes = causes();
        let mut n_idle = 0;
        let mut blamed = BTreeSet::new();
        for (stack, _, _) in profile.samples() {
            let frames: Vec<_> = profile.frames(stack).collect();
            let functions: Vec<_> = frames.iter().map(|frame| &*frame.name).collect();
            let stack = Stack {
                functions: &functions,
                kind: "process_cpu",
                component: Some("etcd"),
            };
            n_idle += usize::from(causes.is_suppressed(stack));
            blamed.extend(causes.of(stack).into_iter().map(|cause| &*cause.name));
        }
        assert_eq!((n_idle, profile.n_samples()), (6, 48));
        assert_eq!(blamed, BTreeSet::from(["gc_pressure"]));
    }
}
