//! What is told, when, and for how long.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::alert::testing::{NOW, finding};
use crate::alert::{Silence, Silences};

const MINUTE: Duration = Duration::from_secs(60);

struct Scene {
    book: Book,
    start: Instant,
    elapsed: Duration,
}

impl Scene {
    fn new(rules: AlertRules) -> Self {
        Self {
            book: Book::new(rules, Severity::Info),
            start: Instant::now(),
            elapsed: Duration::ZERO,
        }
    }

    fn now(&self) -> Now {
        Now {
            wall: UnixMillis(NOW.0 + millis(self.elapsed)),
            steady: self.start + self.elapsed,
        }
    }

    fn wait(&mut self, duration: Duration) {
        self.elapsed += duration;
    }

    fn apply(&mut self, state: FindingState) -> Option<Dropped> {
        let finding = finding("a:1", state, millis(self.elapsed));
        self.book.apply(finding, self.now())
    }

    /// Tells what is due: the states, and the ends after now in seconds.
    fn tell(&mut self) -> Vec<(FindingState, i64)> {
        let now = self.now();
        let due = self.book.due(now);
        self.book.told(&due, now);
        let told = due.iter().map(|due| {
            let end = due.alert.ends_at.unwrap().0 - now.wall.0;
            (due.alert.finding.state, end / 1000)
        });
        told.collect()
    }
}

fn silenced(from: i64, until: i64) -> AlertRules {
    let silence = Silence {
        from: Some(UnixMillis(NOW.0 + from * 1000)),
        until: Some(UnixMillis(NOW.0 + until * 1000)),
        ..Silence::default()
    };
    AlertRules {
        silences: Arc::new(Silences(vec![silence])),
        ..AlertRules::default()
    }
}

const FIRING: (FindingState, i64) = (FindingState::Firing, 240);

#[test]
fn what_fires_is_told_each_interval_with_an_end_four_of_them_away() {
    let mut scene = Scene::new(AlertRules::default());
    scene.apply(FindingState::Pending);
    assert_eq!(scene.tell(), []);
    scene.apply(FindingState::Firing);
    assert_eq!(scene.book.n_untold(), 1);
    assert_eq!(scene.tell(), [FIRING]);
    assert_eq!((scene.tell(), scene.book.n_untold()), (vec![], 0));
    scene.wait(MINUTE);
    assert_eq!(scene.book.next_due(), Some(scene.now().steady));
    assert_eq!(scene.tell(), [FIRING]);
}

#[test]
fn what_is_over_is_told_for_a_quarter_of_an_hour() {
    let mut scene = Scene::new(AlertRules::default());
    scene.apply(FindingState::Firing);
    scene.tell();
    scene.wait(Duration::from_secs(10));
    scene.apply(FindingState::Resolved);
    let mut told = Vec::new();
    for _ in 0..20 {
        told.extend(scene.tell());
        scene.wait(MINUTE);
    }
    let ends = (0..=15).map(|minutes| (FindingState::Resolved, -60 * minutes));
    assert_eq!(told, ends.collect::<Vec<_>>());
    assert_eq!(scene.book.next_due(), None, "it is forgotten");
}

#[test]
fn what_could_not_be_told_in_time_is_told_later() {
    let mut scene = Scene::new(AlertRules::default());
    scene.apply(FindingState::Firing);
    scene.apply(FindingState::Resolved);
    scene.wait(100 * MINUTE);
    assert_eq!(scene.tell(), [(FindingState::Resolved, -6000)]);
}

#[test]
fn a_change_while_a_request_is_under_way_is_told() {
    let mut scene = Scene::new(AlertRules::default());
    scene.apply(FindingState::Firing);
    let now = scene.now();
    let due = scene.book.due(now);
    scene.apply(FindingState::Resolved);
    scene.book.told(&due, now);
    assert_eq!(scene.tell(), [(FindingState::Resolved, 0)]);
}

#[test]
fn one_that_comes_again_is_told_again() {
    let mut scene = Scene::new(AlertRules::default());
    for _ in 0..2 {
        scene.apply(FindingState::Firing);
        assert_eq!(scene.tell(), [FIRING]);
        scene.wait(Duration::from_secs(1));
        scene.apply(FindingState::Resolved);
        assert_eq!(scene.tell(), [(FindingState::Resolved, 0)]);
        scene.wait(Duration::from_secs(1));
    }
}

#[test]
fn records_that_come_again_change_nothing() {
    let mut scene = Scene::new(AlertRules::default());
    scene.wait(MINUTE);
    scene.apply(FindingState::Firing);
    scene.tell();
    let old = finding("a:1", FindingState::Resolved, 0);
    scene.book.apply(old, scene.now());
    assert_eq!(scene.tell(), []);
}

#[test]
fn a_silence_holds_back_until_it_is_over() {
    let mut scene = Scene::new(silenced(0, 150));
    scene.apply(FindingState::Firing);
    let mut told = Vec::new();
    for minute in 0..4 {
        told.extend(scene.tell().iter().map(|_| minute));
        scene.wait(MINUTE);
    }
    assert_eq!(told, [3]);
}

#[test]
fn what_was_over_within_a_silence_is_never_told() {
    let mut scene = Scene::new(silenced(0, 150));
    scene.apply(FindingState::Firing);
    scene.wait(MINUTE);
    assert_eq!(scene.apply(FindingState::Resolved), Some(Dropped::Silenced));
    scene.wait(10 * MINUTE);
    assert_eq!(scene.tell(), []);
}

#[test]
fn what_was_told_before_a_silence_is_told_to_its_end() {
    let mut scene = Scene::new(silenced(30, 150));
    scene.apply(FindingState::Firing);
    assert_eq!(scene.tell(), [FIRING]);
    scene.wait(MINUTE);
    assert_eq!(scene.tell(), [FIRING]);
    scene.apply(FindingState::Resolved);
    assert_eq!(scene.tell(), [(FindingState::Resolved, 0)]);
}

#[test]
fn after_a_start_what_began_before_a_silence_goes_on_and_what_began_in_it_is_held_back() {
    for (from, expected) in [(10, vec![FIRING]), (0, vec![])] {
        let mut scene = Scene::new(silenced(from, 150));
        let finding = finding("a:1", FindingState::Firing, 5000);
        scene.wait(MINUTE);
        scene.book.remember(&finding, scene.now());
        assert_eq!(scene.tell(), expected);
    }
}

#[test]
fn a_new_severity_is_a_new_alert_and_the_old_one_is_over() {
    let mut scene = Scene::new(AlertRules::default());
    scene.apply(FindingState::Firing);
    scene.tell();
    scene.wait(Duration::from_secs(10));
    let mut worse = (*finding("a:1", FindingState::Firing, 10_000)).clone();
    worse.severity = Severity::Critical;
    scene.book.apply(Arc::new(worse), scene.now());
    let due = scene.book.due(scene.now());
    let mut told: Vec<_> = due
        .iter()
        .map(|due| (due.alert.labels.get("severity"), due.over.is_some()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [(Some("critical"), false), (Some("warning"), true)]);
}

#[test]
fn relabelling_and_severity_leave_alerts_out() {
    let rules = AlertRules {
        relabel: Arc::new(|_| None),
        ..AlertRules::default()
    };
    let mut scene = Scene::new(rules);
    assert_eq!(scene.apply(FindingState::Firing), Some(Dropped::Relabelled));
    let mut scene = Scene::new(AlertRules::default());
    scene.book.min_severity = Severity::Critical;
    scene.apply(FindingState::Firing);
    assert_eq!(scene.tell(), []);
}

/// What happens to a book.
#[derive(Clone, Debug)]
enum Step {
    /// A trouble changes its state.
    Apply(u8, FindingState),
    /// A request is made, and answered or not.
    Tell {
        is_answered: bool,
    },
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let state = prop::sample::select(FindingState::ALL);
    prop_oneof![
        (0..4u8, state).prop_map(|(trouble, state)| Step::Apply(trouble, state)),
        any::<bool>().prop_map(|is_answered| Step::Tell { is_answered }),
        (0..300u64).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever fails: when the last request is answered, an Alertmanager knows of each trouble
    /// what there is to know.
    #[test]
    fn what_was_told_last_is_how_it_is(steps in prop::collection::vec(step(), 0..60)) {
        let mut scene = Scene::new(AlertRules::default());
        let (mut fired, mut told) = (BTreeMap::new(), BTreeMap::new());
        let last = [Step::Tell { is_answered: true }];
        for step in steps.into_iter().chain(last) {
            scene.wait(Duration::from_millis(1));
            let now = scene.now();
            match step {
                Step::Apply(trouble, state) => {
                    let millis = millis(scene.elapsed);
                    let finding = finding(&format!("i:{trouble}"), state, millis);
                    let has_fired = fired.contains_key(&finding.id);
                    match state {
                        FindingState::Firing => {
                            fired.insert(finding.id, false);
                        }
                        FindingState::Resolved if has_fired => {
                            fired.insert(finding.id, true);
                        }
                        _ => continue,
                    }
                    scene.book.apply(finding, now);
                }
                Step::Tell { is_answered } => {
                    let due = scene.book.due(now);
                    if is_answered {
                        scene.book.told(&due, now);
                        let each = due.iter().map(|due| (due.key.0, due.over.is_some()));
                        told.extend(each);
                    }
                }
                Step::Wait(seconds) => scene.wait(Duration::from_secs(seconds)),
            }
        }
        prop_assert_eq!(told, fired);
    }
}
