//! What a sequence of records is told as.

use std::fmt::Write as _;

use proto::Target;
use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
use proto::profile::Profile;

use super::*;
use crate::archive::testing::{NOW, target};

const STARTED: f64 = 1_795_290_000.0;
const STEP_MS: i64 = 15_000;

/// A target and who watches it.
struct Scene {
    watch: Watch,
    decoder: PageDecoder,
    target: Arc<Target>,
    news: News,
    now: UnixMillis,
}

/// What a page says.
#[derive(Clone, Copy)]
struct Page {
    version: &'static str,
    go: &'static str,
    started: f64,
    cpu: f64,
}

const PAGE: Page = Page {
    version: "3.5.33",
    go: "go1.24.6",
    started: STARTED,
    cpu: 100.0,
};

impl Scene {
    fn new() -> Self {
        let target = target("127.0.0.1:2379");
        Self {
            watch: Watch::default(),
            decoder: PageDecoder::new(target.clone(), PageRules::default()),
            target,
            news: News::default(),
            now: NOW,
        }
    }

    /// With a first scrape already told.
    fn after_a_scrape() -> Self {
        let mut scene = Self::new();
        scene.scrape(PAGE);
        scene.news = News::default();
        scene
    }

    fn facts(&mut self) -> ScrapeFacts {
        self.now.0 += STEP_MS;
        ScrapeFacts {
            time: self.now,
            duration_seconds: 0.01,
        }
    }

    fn observe(&mut self, batch: MetricBatch) {
        let record = Record::Metrics(Arc::new(batch));
        self.watch.observe(&record, &mut self.news);
    }

    fn scrape(&mut self, page: Page) {
        let text = format!(
            "etcd_server_version{{server_version=\"{}\"}} 1\ngo_info{{version=\"{}\"}} 1\n\
             process_start_time_seconds {}\nprocess_cpu_seconds_total {}\n",
            page.version, page.go, page.started, page.cpu
        );
        let facts = self.facts();
        let page = self.decoder.decode(Format::Text, text.as_bytes(), facts);
        self.observe(page.unwrap().batch);
    }

    fn fail(&mut self) {
        let facts = self.facts();
        let batch = self.decoder.fail(facts);
        self.observe(batch);
    }

    fn profile(&mut self, time: UnixMillis) {
        let profile = ProfileRecord {
            target: self.target.clone(),
            kind: "memory".to_owned(),
            is_delta: false,
            profile: Profile {
                time_nanos: time.0 * 1_000_000,
                ..Profile::default()
            },
        };
        self.watch
            .observe(&Record::Profile(Arc::new(profile)), &mut self.news);
    }

    /// Seconds since the beginning, kind and change of each event, a line each.
    fn events(&self) -> String {
        let mut text = String::new();
        for event in self.news.events().flat_map(|(_, events)| events) {
            let after = (event.time.0 - NOW.0) as f64 / 1000.0;
            write!(text, "{after}: {}", event.kind).unwrap();
            if let (Some(before), Some(after)) = (&event.before, &event.after) {
                write!(text, " {before} → {after}").unwrap();
            }
            text += "\n";
        }
        text
    }

    /// Rows of `targets`: seconds, version, start.
    fn rows(&self) -> Vec<(i64, Option<&str>, Option<i64>)> {
        let rows = self.news.targets().flat_map(|(_, rows)| rows);
        rows.map(|row| {
            let started = row.facts.started.map(|started| started.0 / 1000);
            let seconds = (row.time.0 - NOW.0) / 1000;
            (seconds, row.facts.version.as_deref(), started)
        })
        .collect()
    }

    fn check(&self, expected: &str) {
        assert_eq!(self.events(), expected);
    }
}

#[test]
fn a_target_is_new_once_and_has_a_row_with_all_it_says() {
    let mut scene = Scene::new();
    for _ in 0..3 {
        scene.scrape(PAGE);
    }
    scene.check("15: target_new\n");
    assert_eq!(scene.rows(), [(15, Some("3.5.33"), Some(1_795_290_000))]);
}

#[test]
fn what_a_target_says_later_completes_its_row() {
    let mut scene = Scene::new();
    scene.profile(NOW);
    scene.fail();
    scene.scrape(PAGE);
    scene.check("0: target_new\n15: down\n30: up 2026-11-21T22:26:55Z → 2026-11-21T22:27:10Z\n");
    assert_eq!(scene.rows(), [(0, Some("3.5.33"), Some(1_795_290_000))]);
}

#[test]
fn a_restart_happened_when_the_process_started() {
    let mut scene = Scene::after_a_scrape();
    let started = NOW.0 as f64 / 1000.0 + 20.0;
    scene.scrape(Page {
        started,
        cpu: 0.1,
        ..PAGE
    });
    scene.check("20: restart 2026-11-21T19:40:00Z → 2026-11-21T22:27:00Z\n");
    assert_eq!(scene.rows(), [(30, Some("3.5.33"), Some(started as i64))]);
}

#[test]
fn a_start_within_a_second_is_the_same() {
    let mut scene = Scene::after_a_scrape();
    scene.scrape(Page {
        started: STARTED + 0.9,
        ..PAGE
    });
    scene.scrape(Page {
        started: STARTED - 0.9,
        ..PAGE
    });
    scene.check("");
    assert!(scene.rows().is_empty());
}

#[test]
fn a_clock_that_is_set_moves_the_start_and_is_no_restart() {
    for moved in [-3600.0, 3600.0] {
        let mut scene = Scene::after_a_scrape();
        scene.scrape(Page {
            started: STARTED + moved,
            cpu: 101.0,
            ..PAGE
        });
        scene.check("");
        let started = (STARTED + moved) as i64;
        assert_eq!(scene.rows(), [(30, Some("3.5.33"), Some(started))]);
    }
}

#[test]
fn a_process_that_used_less_time_is_another_whatever_its_clock_says() {
    let mut scene = Scene::after_a_scrape();
    scene.scrape(Page {
        started: STARTED - 60.0,
        cpu: 1.0,
        ..PAGE
    });
    scene.check("30: restart 2026-11-21T19:40:00Z → 2026-11-21T19:39:00Z\n");
}

#[test]
fn an_upgrade_is_a_restart_and_changes_of_versions() {
    let mut scene = Scene::after_a_scrape();
    scene.fail();
    let started = NOW.0 as f64 / 1000.0 + 40.0;
    let (version, go) = ("3.6.14", "go1.25.1");
    scene.scrape(Page {
        version,
        go,
        started,
        cpu: 0.5,
    });
    scene.check(
        "30: down\n40: restart 2026-11-21T19:40:00Z → 2026-11-21T22:27:20Z\n\
         40: version_change 3.5.33 → 3.6.14\n40: go_version_change go1.24.6 → go1.25.1\n\
         45: up 2026-11-21T22:27:10Z → 2026-11-21T22:27:25Z\n",
    );
    assert_eq!(scene.rows(), [(45, Some("3.6.14"), Some(started as i64))]);
}

#[test]
fn a_page_that_lost_its_version_changes_nothing() {
    let mut scene = Scene::after_a_scrape();
    let facts = scene.facts();
    let page = scene.decoder.decode(Format::Text, b"other 1\n", facts);
    scene.observe(page.unwrap().batch);
    scene.scrape(PAGE);
    scene.check("");
    assert!(scene.rows().is_empty());
}

#[test]
fn a_flapping_target_goes_down_and_up_each_time() {
    let mut scene = Scene::after_a_scrape();
    for _ in 0..2 {
        scene.fail();
        scene.fail();
        scene.scrape(PAGE);
    }
    scene.check(
        "30: down\n60: up 2026-11-21T22:27:10Z → 2026-11-21T22:27:40Z\n\
         75: down\n105: up 2026-11-21T22:27:55Z → 2026-11-21T22:28:25Z\n",
    );
    assert!(scene.rows().is_empty());
}

#[test]
fn a_clock_that_goes_back_gives_no_event_and_no_row() {
    let mut scene = Scene::after_a_scrape();
    scene.fail();
    scene.now.0 -= 3_600_000;
    scene.scrape(PAGE);
    // It was back, by whatever clock.
    let events = scene.events();
    assert_eq!(events.matches("up").count(), 1, "{events}");
    assert_eq!(events.lines().count(), 2, "{events}");
    let mut scene = Scene::after_a_scrape();
    scene.now.0 -= 86_400_000;
    scene.scrape(PAGE);
    scene.check("");
    assert!(scene.rows().is_empty());
}

#[test]
fn each_day_has_a_row() {
    let mut scene = Scene::after_a_scrape();
    for _ in 0..2 {
        scene.now.0 += 86_400_000;
        scene.scrape(PAGE);
        // A profile that began the day before.
        scene.profile(UnixMillis(scene.now.0 - 86_400_000));
        scene.scrape(PAGE);
    }
    scene.check("");
    assert_eq!(scene.rows().len(), 2, "{:?}", scene.rows());
}

#[test]
fn a_target_that_is_sounded_no_more_is_gone_and_new_when_it_is_back() {
    let mut scene = Scene::after_a_scrape();
    let facts = scene.facts();
    let last = scene.decoder.end(facts.time).unwrap();
    scene.observe(last);
    scene.scrape(PAGE);
    scene.check("30: target_gone\n45: target_new\n");
}

#[test]
fn a_start_of_leadsman_tells_of_the_gap_before_it() {
    let mut scene = Scene::new();
    let start = |time| {
        let event = Event::of_leadsman(UnixMillis(time), kind::START, "started");
        Record::Event(Arc::new(event))
    };
    scene.watch.observe(&start(NOW.0), &mut scene.news);
    scene.check("0: start\n");
    scene.scrape(PAGE);
    scene
        .watch
        .observe(&start(NOW.0 + 600_000), &mut scene.news);
    scene.check("0: start\n15: target_new\n15: gap\n600: start\n");
    let events: Vec<&Event> = scene.news.events().flat_map(|(_, events)| events).collect();
    assert_eq!(events[2].until, Some(UnixMillis(NOW.0 + 600_000)));
    assert_eq!(
        events[2].message,
        "nothing was recorded for 9m 45s: leadsman was away"
    );
}

#[test]
fn too_many_targets_forget_those_not_seen_for_a_day() {
    let mut targets = HashMap::new();
    for id in 0..MAX_TARGETS as u64 {
        let state = meet(&mut targets, TargetId(id), NOW);
        state.seen = Some(UnixMillis(
            NOW.0 - if id < 10 { 2 * MILLIS_A_DAY } else { 0 },
        ));
    }
    meet(&mut targets, TargetId(u64::MAX), NOW);
    assert_eq!(targets.len(), MAX_TARGETS - 10 + 1);
    for state in targets.values_mut() {
        state.seen = Some(NOW);
    }
    for id in 0..10 {
        meet(&mut targets, TargetId(id), NOW).seen = Some(NOW);
    }
    assert!(targets.len() < 10, "{}", targets.len());
}

#[test]
fn who_only_wants_events_keeps_little_of_targets_that_are_gone() {
    let mut events = TargetEvents::default();
    for idx in 0..10 * MAX_ENDED {
        let target = target(&format!("127.0.0.1:{idx}"));
        let mut decoder = PageDecoder::new(target, PageRules::default());
        let facts = ScrapeFacts {
            time: NOW,
            duration_seconds: 0.01,
        };
        let page = decoder.decode(Format::Text, b"a 1\n", facts).unwrap();
        let end = decoder.end(NOW).unwrap();
        for batch in [page.batch, end] {
            events.observe(&Record::Metrics(Arc::new(batch)));
        }
        assert!(events.watch.targets.len() <= 2 * MAX_ENDED);
        assert!(events.watch.layouts.len() <= 4 * MAX_ENDED);
    }
}

#[test]
fn a_target_that_comes_back_is_not_forgotten() {
    let mut scene = Scene::after_a_scrape();
    let mut events = TargetEvents {
        watch: std::mem::take(&mut scene.watch),
        ..TargetEvents::default()
    };
    let end = scene.decoder.end(scene.now).unwrap();
    events.observe(&Record::Metrics(Arc::new(end)));
    assert_eq!(events.ended.len(), 1);
    let facts = scene.facts();
    let page = scene.decoder.decode(Format::Text, b"a 1\n", facts).unwrap();
    events.observe(&Record::Metrics(Arc::new(page.batch)));
    assert!(events.ended.is_empty());
}
