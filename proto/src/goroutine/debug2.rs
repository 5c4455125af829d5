//! `debug=2`: each goroutine, as in a crash.
//!
//! ```text
//! goroutine 34 [chan receive, 12 minutes, locked to thread]:
//! os/signal.signal_recv(0xc0003a2000, {0x1, 0x2})
//!     /usr/lib/go/src/runtime/sigqueue.go:152 +0x2f
//! created by os/signal.Notify.func1.1 in goroutine 1
//!     /usr/lib/go/src/os/signal/signal.go:151 +0x2a
//! ```

use super::dump::{Dump, Group};
use super::text::{file_and_line, lines};
use super::{GoroutineError, check_size};
use crate::profile::{LabelSetId, LocationId, StackId, StrId};

/// Parses the text of `/debug/pprof/goroutine?debug=2`.
///
/// # Errors
/// If no line of it is a goroutine's header.
pub fn parse_debug2(text: &[u8]) -> Result<Dump, GoroutineError> {
    check_size(text)?;
    let mut parser = Parser::default();
    for line in lines(text) {
        parser.line(&line);
    }
    parser.finish_goroutine();
    if parser.dump.groups.is_empty() {
        return Err(GoroutineError::NotADump { debug: 2 });
    }
    Ok(parser.dump)
}

#[derive(Default)]
struct Parser {
    dump: Dump,
    /// The goroutine that is being read; its stack is still missing.
    goroutine: Option<Group>,
    stack: Vec<LocationId>,
    /// A call whose place is on the next line.
    call: Option<Call>,
}

enum Call {
    Frame(String),
    Creator,
}

impl Parser {
    fn line(&mut self, line: &str) {
        if let Some(place) = line.strip_prefix('\t') {
            self.place(place);
        } else if let Some(goroutine) = header(line) {
            self.finish_goroutine();
            self.goroutine = Some(self.group(&goroutine));
        } else if line.is_empty() {
            self.finish_goroutine();
        } else if self.goroutine.is_none() {
            self.dump.n_unread_lines += 1;
        } else if let Some(creator) = line.strip_prefix("created by ") {
            self.creator(creator);
        } else if !is_elision(line) {
            self.call(line);
        }
    }

    fn group(&mut self, header: &Header<'_>) -> Group {
        Group {
            n_goroutines: 1,
            wait_minutes: header.wait_minutes,
            is_locked: header.is_locked,
            state: self.dump.tables.string(header.state),
            created_by: StrId::default(),
            stack: StackId(0),
            labels: LabelSetId(0),
        }
    }

    /// `net/http.(*conn).serve(0xc00044e140, {0x2529fa0, 0xc000592f60})`: arguments hold no
    /// parentheses, names do.
    fn call(&mut self, line: &str) {
        self.finish_call("", 0);
        match line.rsplit_once('(') {
            Some((function, arguments)) if arguments.ends_with(')') => {
                self.call = Some(Call::Frame(function.to_owned()));
            }
            _ => self.dump.n_unread_lines += 1,
        }
    }

    fn creator(&mut self, text: &str) {
        self.finish_call("", 0);
        let creator = text
            .split_once(" in goroutine ")
            .map_or(text, |(creator, _)| creator);
        let created_by = self.dump.tables.string(creator);
        if let Some(goroutine) = &mut self.goroutine {
            goroutine.created_by = created_by;
        }
        self.call = Some(Call::Creator);
    }

    /// `/src/main.go:12 +0x2f`, in a crash with `fp=… sp=… pc=…` behind it.
    fn place(&mut self, text: &str) {
        if text == "goroutine running on other thread; stack unavailable" {
            return;
        }
        let text = [" +0x", " fp=0x"].iter().fold(text, |text, end| {
            text.rsplit_once(end).map_or(text, |(place, _)| place)
        });
        let (file, line) = file_and_line(text);
        if self.call.is_none() {
            self.dump.n_unread_lines += 1;
        }
        self.finish_call(file, line);
    }

    fn finish_call(&mut self, file: &str, line: i64) {
        if let Some(Call::Frame(function)) = self.call.take() {
            self.stack
                .push(self.dump.location(0, &function, file, line));
        }
    }

    fn finish_goroutine(&mut self) {
        self.finish_call("", 0);
        if let Some(mut goroutine) = self.goroutine.take() {
            goroutine.stack = self.dump.tables.stack(&self.stack);
            self.dump.groups.push(goroutine);
        }
        self.stack.clear();
    }
}

struct Header<'a> {
    state: &'a str,
    wait_minutes: u64,
    is_locked: bool,
}

/// `goroutine 34 [select, 12 minutes, locked to thread]:`. Go 1.23 puts `gp=… m=… mp=…` before
/// the bracket in crashes; later versions add parts inside it, which are passed over.
fn header(line: &str) -> Option<Header<'_>> {
    let rest = line.strip_prefix("goroutine ")?;
    if !rest.starts_with(|first: char| first.is_ascii_digit()) || !rest.ends_with(':') {
        return None;
    }
    let (_, bracket) = rest.split_once('[')?;
    let (inside, _) = bracket.rsplit_once(']')?;
    let mut parts = inside.split(", ");
    let state = parts.next()?;
    let mut header = Header {
        // The collector is scanning its stack: no state of its own.
        state: state.strip_suffix(" (scan)").unwrap_or(state),
        wait_minutes: 0,
        is_locked: false,
    };
    for part in parts {
        if let Some(minutes) = part.strip_suffix(" minutes") {
            header.wait_minutes = minutes.parse().unwrap_or(0);
        }
        header.is_locked |= part == "locked to thread";
    }
    Some(header)
}

/// `...additional frames elided...`, `...23 frames elided...`.
fn is_elision(line: &str) -> bool {
    line.starts_with("...") && line.ends_with("frames elided...")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnixNanos;
    use crate::profile::LabelValue;
    use proptest::prelude::*;

    const DUMP: &str = "goroutine 1 [running]:
main.(*T[...]).run(...)
	/src/main.go:7
main.main()
	/src/main.go:12 +0x1d

goroutine 19 [IO wait (scan), 3 minutes, locked to thread]:
internal/poll.(*FD).Read(0xc0001, {0x1, 0x2, 0x3})
	/go/fd.go:167 +0x25a
...additional frames elided...
created by net/http.(*Server).Serve in goroutine 1
	/go/server.go:3089 +0x5ed

goroutine 20 gp=0xc00 m=nil [select (no cases)]:
	goroutine running on other thread; stack unavailable
created by net/http.(*Server).Serve
	/go/server.go:3089 fp=0x1 sp=0x2 pc=0x3
";

    #[test]
    fn states_waits_and_creators_are_read() {
        let dump = parse_debug2(DUMP.as_bytes()).unwrap();
        assert_eq!((dump.n_goroutines(), dump.n_unread_lines), (3, 0));
        let states = [("IO wait", 1), ("running", 1), ("select (no cases)", 1)];
        assert_eq!(dump.by_state(), states);
        assert_eq!(dump.by_creator(), [("net/http.(*Server).Serve", 2)]);
        let blocked: Vec<_> = dump
            .blocked_for(2)
            .map(|group| group.wait_minutes)
            .collect();
        assert_eq!(blocked, [3]);
        let functions: Vec<_> = dump.functions(&dump.groups()[0]).collect();
        assert_eq!(functions, ["main.(*T[...]).run", "main.main"]);
    }

    #[test]
    fn the_profile_carries_what_the_dump_says_as_labels() {
        let profile = parse_debug2(DUMP.as_bytes())
            .unwrap()
            .to_profile(UnixNanos(0));
        let text = |id| profile.strings.get(id).to_owned();
        let labels = &profile.label_sets[profile.sample_labels[1].0 as usize];
        let labels = labels.iter().map(|label| match label.value {
            LabelValue::Str(value) => format!("{}={}", text(label.key), text(value)),
            LabelValue::Num(number, unit) => format!("{}={number} {}", text(label.key), text(unit)),
        });
        let expected = [
            "state=IO wait",
            "created_by=net/http.(*Server).Serve",
            "wait_minutes=3 minutes",
            "locked=thread",
        ];
        assert_eq!(labels.collect::<Vec<_>>(), expected);
        let [run, main] = &*profile.stacks[0] else {
            panic!("two frames")
        };
        let line = |id: &LocationId| profile.locations[id.0 as usize].lines[0].line;
        assert_eq!((line(run), line(main)), (7, 12));
    }

    #[test]
    fn goroutines_that_are_alike_are_one_sample() {
        let one = "goroutine 7 [select]:\nmain.f()\n\t/a.go:1 +0x1\n\n";
        let profile = parse_debug2(one.repeat(5).as_bytes())
            .unwrap()
            .to_profile(UnixNanos(0));
        assert_eq!(profile.values, [5]);
    }

    #[test]
    fn a_dump_of_the_other_kind_is_refused() {
        let refused = parse_debug2(b"goroutine profile: total 6\n").unwrap_err();
        assert_eq!(refused, GoroutineError::NotADump { debug: 2 });
        assert_eq!(super::super::parse(b"<html>").unwrap_err(), refused);
    }

    #[test]
    fn real_dumps_are_read_to_the_last_line() {
        let check = |text: &[u8], n_goroutines| {
            let dump = parse_debug2(text).unwrap();
            assert_eq!(
                (dump.n_unread_lines, dump.n_goroutines()),
                (0, n_goroutines)
            );
            assert!(
                dump.groups()
                    .iter()
                    .all(|group| dump.functions(group).count() > 0)
            );
            assert!(
                dump.by_creator()
                    .iter()
                    .map(|(_, count)| count)
                    .sum::<u64>()
                    < n_goroutines
            );
        };
        check(
            include_bytes!("../../testdata/containerd-goroutine-debug2.txt"),
            21,
        );
        check(
            include_bytes!("../../testdata/etcd-goroutine-debug2.txt"),
            100,
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(
            text in "(goroutine 1 \\[select|\\]:|, | minutes|created by |\n|\t|\\(|\\)|\\+0x|:|[a-z0-9])*",
        ) {
            let _ = parse_debug2(text.as_bytes());
        }
    }
}
