//! `debug=1`: equal stacks with their count.
//!
//! ```text
//! goroutine profile: total 21
//! 2 @ 0xc6be74 0xccd92f 0xcd1381
//! # labels: {"key":"value"}
//! #    0xccd92e    os/signal.signal_recv+0x2e    runtime/sigqueue.go:152
//! ```

use super::dump::{Dump, Group};
use super::text::{file_and_line, hex, lines, take_quoted};
use super::{GoroutineError, check_size};
use crate::profile::{LabelValue, LocationId, SampleLabel, StrId};

/// How the first line begins.
pub(super) const HEADER: &str = "goroutine profile:";

/// Parses the text of `/debug/pprof/goroutine?debug=1`.
///
/// # Errors
/// If it does not begin with `goroutine profile:`.
pub fn parse_debug1(text: &[u8]) -> Result<Dump, GoroutineError> {
    check_size(text)?;
    if !text.starts_with(HEADER.as_bytes()) {
        return Err(GoroutineError::NotADump { debug: 1 });
    }
    let mut parser = Parser::default();
    for line in lines(text).skip(1) {
        parser.line(&line);
    }
    parser.finish_group();
    Ok(parser.dump)
}

#[derive(Default)]
struct Parser {
    dump: Dump,
    /// The group that is being read.
    n_goroutines: Option<u64>,
    labels: Vec<SampleLabel>,
    stack: Vec<LocationId>,
}

impl Parser {
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.finish_group();
        } else if let Some(labels) = line.strip_prefix("# labels: ") {
            self.labels(labels);
        } else if let Some(frame) = line.strip_prefix('#') {
            self.frame(frame);
        } else if let Some((count, _addresses)) = line.split_once(" @") {
            self.finish_group();
            self.n_goroutines = count.parse().ok();
            self.dump.n_unread_lines += usize::from(self.n_goroutines.is_none());
        } else {
            self.dump.n_unread_lines += 1;
        }
    }

    /// `\t0xccd92e\tos/signal.signal_recv+0x2e\truntime/sigqueue.go:152`, the columns aligned
    /// by as many tabs as that takes; only the address if there is no symbol.
    fn frame(&mut self, frame: &str) {
        let mut columns = frame.split('\t').filter(|column| !column.is_empty());
        let Some(address) = columns.next().and_then(hex) else {
            self.dump.n_unread_lines += 1;
            return;
        };
        let symbol = columns.next().unwrap_or("");
        let function = symbol
            .rsplit_once("+0x")
            .map_or(symbol, |(function, _offset)| function);
        let (file, line) = file_and_line(columns.next().unwrap_or(""));
        self.stack
            .push(self.dump.location(address, function, file, line));
    }

    /// `{"key":"value", "other":"value"}`.
    fn labels(&mut self, text: &str) {
        let mut rest = text.strip_prefix('{').unwrap_or(text);
        let mut labels = Vec::new();
        while let Some(key) = take_quoted(&mut rest) {
            let value = rest.strip_prefix(':').and_then(|mut tail| {
                let value = take_quoted(&mut tail)?;
                rest = tail.strip_prefix(", ").unwrap_or(tail);
                Some(value)
            });
            let Some(value) = value else { break };
            // pprof has no empty strings as values.
            if value.is_empty() {
                continue;
            }
            let value = LabelValue::Str(self.dump.tables.string(&value));
            labels.push(SampleLabel {
                key: self.dump.tables.string(&key),
                value,
            });
        }
        self.dump.n_unread_lines += usize::from(rest != "}");
        self.labels = labels;
    }

    fn finish_group(&mut self) {
        let labels = std::mem::take(&mut self.labels);
        if let Some(n_goroutines) = self.n_goroutines.take() {
            let stack = self.dump.tables.stack(&self.stack);
            let labels = self.dump.tables.label_set(&labels);
            self.dump.groups.push(Group {
                n_goroutines,
                wait_minutes: 0,
                is_locked: false,
                state: StrId::default(),
                created_by: StrId::default(),
                stack,
                labels,
            });
        }
        self.stack.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{UnixNanos, pprof};
    use proptest::prelude::*;

    const DUMP: &str = "goroutine profile: total 6
4 @ 0xc6be74 0xccd92f
# labels: {\"id\":\"a \\\"b\\\"\", \"none\":\"\", \"shard\":\"2\"}
#\t0xccd92e\tos/signal.signal_recv+0x2e\t\truntime/sigqueue.go:152
#\t0x13d9478\tos/signal.loop+0x18\t\t\tos/signal/signal_unix.go:23

2 @ 0x1
#\t0x1

";

    #[test]
    fn groups_have_their_count_frames_and_labels() {
        let dump = parse_debug1(DUMP.as_bytes()).unwrap();
        assert_eq!((dump.n_goroutines(), dump.n_unread_lines), (6, 0));
        let functions: Vec<_> = dump.functions(&dump.groups()[0]).collect();
        assert_eq!(functions, ["os/signal.signal_recv", "os/signal.loop"]);
        let profile = dump.to_profile(UnixNanos(5));
        assert_eq!((profile.total(0), profile.time_nanos), (6, 5));
        let labels = &profile.label_sets[profile.sample_labels[0].0 as usize];
        let text = |id| profile.strings.get(id);
        let labels = labels.iter().map(|label| match label.value {
            LabelValue::Str(value) => (text(label.key), text(value)),
            LabelValue::Num(..) => unreachable!("no numbers in this dump"),
        });
        assert_eq!(
            labels.collect::<Vec<_>>(),
            [("id", "a \"b\""), ("shard", "2")]
        );
        let location = &profile.locations[0];
        assert_eq!((location.address, location.lines[0].line), (0xcc_d92e, 152));
    }

    #[test]
    fn a_dump_of_the_other_kind_is_refused() {
        let refused = parse_debug1(b"goroutine 1 [running]:\n").unwrap_err();
        assert_eq!(refused, GoroutineError::NotADump { debug: 1 });
    }

    #[test]
    fn labels_of_no_goroutine_are_nowhere_in_the_profile() {
        let text = format!("{HEADER} total 0\n# labels: {{\"a\":\"b\"}}\n");
        let profile = parse_debug1(text.as_bytes())
            .unwrap()
            .to_profile(UnixNanos(1));
        assert_eq!(pprof::decode(&pprof::encode(&profile)), Ok(profile));
    }

    #[test]
    fn real_dumps_are_read_to_the_last_line() {
        let check = |text: &[u8], n_goroutines| {
            let dump = parse_debug1(text).unwrap();
            assert_eq!(
                (dump.n_unread_lines, dump.n_goroutines()),
                (0, n_goroutines)
            );
            assert!(
                dump.groups()
                    .iter()
                    .all(|group| dump.functions(group).count() > 0)
            );
        };
        check(
            include_bytes!("../../testdata/containerd-goroutine-debug1.txt"),
            21,
        );
        check(
            include_bytes!("../../testdata/etcd-goroutine-debug1.txt"),
            191,
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(\n|# labels: |#\t|0x1|\\+0x|@ |:|\"|\\\\|\\{|, |[a-z0-9])*") {
            let _ = parse_debug1(format!("{HEADER}{text}").as_bytes());
        }
    }
}
