//! Goroutines by what they wait for and by who created them.
//!
//! A dump with all of them says both; the profile that is cheap enough to be taken each minute has
//! their stacks alone, and these tell nearly as much: a goroutine that waits has called the function
//! of the runtime that made it wait.

use std::borrow::Cow;
use std::collections::BTreeMap;

use proto::profile::{LabelSetId, LabelValue, Profile, StackId};

/// Functions by which a goroutine waits, and the word of Go's dumps for it (`waitReasonStrings` in
/// `runtime/runtime2.go`). The first that fits on the way from the leaf.
const WAITS: [(&str, &str); 21] = [
    ("runtime.chanrecv", "chan receive"),
    ("runtime.chansend", "chan send"),
    ("runtime.selectgo", "select"),
    ("runtime.block", "select (no cases)"),
    ("runtime.netpollblock", "IO wait"),
    ("internal/poll.runtime_pollWait", "IO wait"),
    ("time.Sleep", "sleep"),
    ("sync.runtime_notifyListWait", "sync.Cond.Wait"),
    ("sync.runtime_SemacquireWaitGroup", "sync.WaitGroup.Wait"),
    ("sync.runtime_SemacquireRWMutexR", "sync.RWMutex.RLock"),
    ("sync.runtime_SemacquireRWMutex", "sync.RWMutex.Lock"),
    ("sync.runtime_SemacquireMutex", "sync.Mutex.Lock"),
    ("internal/sync.runtime_SemacquireMutex", "sync.Mutex.Lock"),
    ("sync.runtime_Semacquire", "semacquire"),
    ("runtime.gcBgMarkWorker", "GC worker (idle)"),
    ("runtime.bgsweep", "GC sweep wait"),
    ("runtime.bgscavenge", "GC scavenge wait"),
    ("runtime.runfinq", "finalizer wait"),
    ("runtime.forcegchelper", "force gc (idle)"),
    ("syscall.", "syscall"),
    ("internal/runtime/syscall.", "syscall"),
];
/// One that is parked, by a function that is not in the list.
const PARKED: &str = "runtime.gopark";

/// Sums of a value by what a sample's labels or stack say.
pub(super) fn by<'a>(
    profile: &'a Profile,
    type_idx: usize,
    of: fn(&'a Profile, StackId, LabelSetId) -> Cow<'a, str>,
) -> BTreeMap<Cow<'a, str>, f64> {
    let mut sums = BTreeMap::new();
    for (stack, labels, values) in profile.samples() {
        let value = values.get(type_idx).copied().unwrap_or(0);
        *sums.entry(of(profile, stack, labels)).or_insert(0.0) += value as f64;
    }
    sums
}

/// What the goroutines of a sample do.
pub(super) fn state(profile: &Profile, stack: StackId, labels: LabelSetId) -> Cow<'_, str> {
    if let Some(state) = label(profile, labels, "state") {
        return Cow::Borrowed(state);
    }
    let mut is_parked = false;
    for frame in profile.frames(stack) {
        is_parked |= frame.name.starts_with(PARKED);
        let mut waits = WAITS.iter();
        let wait = waits.find(|(function, _)| is_of(&frame.name, function));
        if let Some((_, state)) = wait {
            return Cow::Borrowed(state);
        }
    }
    Cow::Borrowed(if is_parked { "waiting" } else { "running" })
}

/// Who created the goroutines of a sample: by the dump, or else the function they began in.
pub(super) fn creator(profile: &Profile, stack: StackId, labels: LabelSetId) -> Cow<'_, str> {
    if let Some(creator) = label(profile, labels, "created_by") {
        return Cow::Borrowed(creator);
    }
    let root = profile.frames(stack).next_back();
    root.map_or(Cow::Borrowed("unknown"), |frame| frame.name)
}

/// `runtime.chanrecv` is `runtime.chanrecv1` too; `syscall.` is all that is in there.
fn is_of(name: &str, function: &str) -> bool {
    let rest = name.strip_prefix(function);
    let is_number = |rest: &str| rest.chars().all(|c| c.is_ascii_digit());
    rest.is_some_and(|rest| function.ends_with('.') || is_number(rest))
}

fn label<'a>(profile: &'a Profile, labels: LabelSetId, key: &str) -> Option<&'a str> {
    let labels = profile.label_sets.get(labels.0 as usize)?;
    let found = labels
        .iter()
        .find(|label| profile.strings.get(label.key) == key)?;
    match found.value {
        LabelValue::Str(value) => Some(profile.strings.get(value)),
        LabelValue::Num(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stack: &str, expected: [&str; 2]) {
        let profile = proto::folded::parse(format!("{stack} 3\n").as_bytes()).unwrap();
        for (of, expected) in [state, creator].into_iter().zip(expected) {
            let sums: Vec<_> = by(&profile, 0, of).into_iter().collect();
            assert_eq!(sums, [(Cow::Borrowed(expected), 3.0)]);
        }
    }

    #[test]
    fn stacks_tell_what_is_waited_for_and_where_it_began() {
        check(
            "main.serve;main.wait;runtime.chanrecv1;runtime.chanrecv;runtime.gopark",
            ["chan receive", "main.serve"],
        );
        check(
            "net/http.(*conn).serve;net.(*conn).Read;internal/poll.(*pollDesc).wait;internal/poll.runtime_pollWait;runtime.netpollblock;runtime.gopark",
            ["IO wait", "net/http.(*conn).serve"],
        );
        check(
            "main.f;sync.(*Mutex).Lock;sync.runtime_SemacquireMutex;runtime.semacquire1;runtime.gopark",
            ["sync.Mutex.Lock", "main.f"],
        );
        check("main.f;runtime.gopark", ["waiting", "main.f"]);
        check("main.f;main.selectgo", ["running", "main.f"]);
    }

    #[test]
    fn what_a_dump_says_goes_before_what_stacks_tell() {
        let dump = include_bytes!("../../../proto/testdata/etcd-goroutine-debug2.txt");
        let dump = proto::goroutine::parse_debug2(dump).unwrap();
        let profile = dump.to_profile(proto::UnixNanos(1));
        let counts = |all: Vec<(&str, u64)>| -> BTreeMap<Cow<'_, str>, f64> {
            let all = all.into_iter();
            all.map(|(name, n)| (Cow::Owned(name.to_owned()), n as f64))
                .collect()
        };
        assert_eq!(by(&profile, 0, state), counts(dump.by_state()));
        let mut creators = by(&profile, 0, creator);
        // The main goroutine was created by nobody.
        creators.remove("main.main");
        assert_eq!(creators, counts(dump.by_creator()));
    }

    #[test]
    fn the_goroutines_of_etcd_wait_as_its_dump_says() {
        let profile = include_bytes!("../../../proto/testdata/etcd-goroutine.pb.gz");
        let profile = proto::compress::decompress(profile, 1 << 26).unwrap();
        let profile = proto::pprof::decode(&profile).unwrap();
        let states = by(&profile, 0, state);
        let states: Vec<_> = states.iter().map(|(state, n)| (&**state, *n)).collect();
        // The dump, of another moment, has the same five.
        let expected = [
            ("IO wait", 54.0),
            ("chan receive", 6.0),
            ("running", 2.0),
            ("select", 128.0),
            ("syscall", 1.0),
        ];
        assert_eq!(states, expected);
    }
}
