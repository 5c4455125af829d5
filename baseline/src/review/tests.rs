//! Weeks made here.

use std::sync::Arc;

use proto::finding::{FindingState, Rule, Severity};
use proto::{Labels, Target, UnixMillis};

use super::{DAY, HOUR, History, Outlook, Reviewed, Reviews, review};
use crate::catalogue::{Signal, Source};

/// Monday, 2026-01-05.
const START: i64 = 1_767_571_200_000;

fn signal() -> Signal {
    Signal {
        title: "Memory".to_owned(),
        source: Source::Expr("m".parse().unwrap()),
        bad: crate::catalogue::Direction::Up,
        least_change: 1.0,
        remedy: "Look.".to_owned(),
        ..Signal::blank("memory", "process")
    }
}

/// Normal noise of variance 1, the same for a seed.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        let mut uniform = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}

/// Hourly means: `value` of the time in days.
fn hours(n_days: i64, mut value: impl FnMut(f64) -> f64) -> Vec<(UnixMillis, f64)> {
    let hours = 1..=n_days * 24;
    hours
        .map(|hour| (UnixMillis(START + hour * HOUR), value(hour as f64 / 24.0)))
        .collect()
}

/// A daily wave and a quieter weekend.
fn season(day: f64) -> f64 {
    let weekend = if day % 7.0 >= 5.0 { -20.0 } else { 0.0 };
    10.0 * (day * std::f64::consts::TAU).sin() + weekend
}

fn seen(
    hours: &[(UnixMillis, f64)],
    limit: Option<f64>,
    restarts: &[UnixMillis],
) -> Option<Outlook> {
    let history = History {
        hours,
        limit,
        restarts,
    };
    review(&signal(), &history, hours.last()?.0)
}

fn day_of(time: UnixMillis) -> f64 {
    (time.0 - START) as f64 / DAY as f64
}

#[test]
fn a_leak_below_its_daily_wave_is_found() {
    let mut scatter = noise(1);
    let leaking = hours(28, |day| 100.0 + 2.0 * day + season(day) + 2.0 * scatter());
    let outlook = seen(&leaking, None, &[]).unwrap();
    assert_eq!(
        (outlook.rule, outlook.severity),
        (Rule::Trend, Severity::Warning)
    );
    assert!(
        (outlook.now - outlook.before - 54.0).abs() < 12.0,
        "{outlook:?}"
    );
    assert!(day_of(outlook.since) < 1.0);
    assert!(
        outlook.title.starts_with("Memory grows by "),
        "{}",
        outlook.title
    );
    let said = &outlook.explanation;
    assert!(said.contains("95 % confidence, of 28 values"), "{said}");
    assert!(said.contains("At this rate it doubles in"), "{said}");
}

#[test]
fn growth_towards_a_limit_says_when_it_is_reached() {
    let mut scatter = noise(2);
    let growing = hours(28, |day| 100.0 + 0.5 * day + scatter());
    let small = seen(&growing, None, &[]);
    assert_eq!(small, None, "14 % in four weeks");
    let outlook = seen(&growing, Some(120.0), &[]).unwrap();
    assert_eq!(outlook.severity, Severity::Warning);
    assert!(
        outlook.title.contains("reaches its limit of 120 in"),
        "{}",
        outlook.title
    );
    assert_eq!(seen(&growing, Some(1000.0), &[]), None, "in five years");
}

#[test]
fn a_rush_towards_a_limit_is_told_within_a_day() {
    let mut scatter = noise(3);
    let filling = hours(10, |day| match day > 9.3 {
        true => 100.0 + (day - 9.3) * 400.0 + scatter(),
        false => 100.0 + scatter(),
    });
    assert_eq!(
        seen(&filling, Some(1000.0), &[]),
        None,
        "most of the day it was calm"
    );
    let filling = hours(10, |day| 100.0 + (day - 9.0).max(0.0) * 400.0 + scatter());
    let outlook = seen(&filling, Some(1000.0), &[]).unwrap();
    assert_eq!(
        (outlook.rule, outlook.severity),
        (Rule::Trend, Severity::Warning)
    );
    let outlook = seen(&filling, Some(700.0), &[]).unwrap();
    assert_eq!(outlook.severity, Severity::Critical);
    assert!(outlook.title.contains("12 h"), "{}", outlook.title);
}

#[test]
fn what_a_restart_gave_back_does_not_hide_what_gathers_since() {
    let mut scatter = noise(4);
    let restart = UnixMillis(START + 14 * DAY + HOUR / 2);
    let sawtooth = hours(28, |day| 100.0 + 5.0 * (day % 14.0) + scatter());
    assert_eq!(seen(&sawtooth, None, &[]), None);
    let outlook = seen(&sawtooth, None, &[restart]).unwrap();
    assert_eq!(day_of(outlook.since), 14.0);
    // A restart that changes nothing divides nothing.
    let growing = hours(28, |day| 100.0 + 5.0 * day + scatter());
    assert!(day_of(seen(&growing, None, &[restart]).unwrap().since) < 1.0);
}

#[test]
fn a_level_that_changed_is_told_with_its_hour_and_is_usual_after_a_week() {
    let mut scatter = noise(5);
    let mut stepped = |after: i64| {
        hours(20 + after, |day| {
            100.0 + season(day) + 2.0 * scatter() + if day > 20.0 { 15.0 } else { 0.0 }
        })
    };
    let history = stepped(2);
    let outlook = seen(&history, None, &[]).unwrap();
    assert_eq!(
        (outlook.rule, outlook.severity),
        (Rule::Change, Severity::Info)
    );
    assert!(
        (day_of(outlook.since) - 20.0).abs() < 0.4,
        "{}",
        day_of(outlook.since)
    );
    assert!(
        (outlook.now - outlook.before - 15.0).abs() < 3.0,
        "{outlook:?}"
    );
    assert!(
        outlook.title.ends_with(" and stays there"),
        "{}",
        outlook.title
    );
    assert_eq!(seen(&stepped(8), None, &[]), None);
    let better = Signal {
        bad: crate::catalogue::Direction::Down,
        ..signal()
    };
    let all = History {
        hours: &history,
        limit: None,
        restarts: &[],
    };
    assert_eq!(review(&better, &all, history.last().unwrap().0), None);
}

#[test]
fn weekends_that_end_and_what_is_constant_are_no_news() {
    let weeks = |n| hours(n, |day| 100.0 + 3.0 * season(day));
    for n_days in 8..30 {
        assert_eq!(seen(&weeks(n_days), None, &[]), None, "{n_days} days");
    }
    assert_eq!(seen(&hours(28, |_| 7.0), None, &[]), None);
    assert_eq!(seen(&hours(28, |_| f64::NAN), None, &[]), None);
    assert_eq!(seen(&[], Some(1.0), &[UnixMillis(0)]), None);
    assert_eq!(
        seen(&hours(2, |day| day * 1000.0), None, &[]),
        None,
        "two days"
    );
}

/// How often something is told of 200 series in which nothing happens, looked at once.
#[test]
fn noise_walks_and_seasons_are_rarely_taken_for_news() {
    type Make = fn(u64) -> Vec<(UnixMillis, f64)>;
    let shapes: [(&str, Make, usize); 4] = [
        (
            "white",
            |seed| {
                let mut n = noise(seed);
                hours(28, |_| 100.0 + 10.0 * n())
            },
            2,
        ),
        (
            "seasonal",
            |seed| {
                let mut n = noise(seed);
                hours(28, |day| 100.0 + season(day) + 5.0 * n())
            },
            2,
        ),
        (
            "reverting over two days",
            |seed| reverting(seed, 0.98, 4.0),
            10,
        ),
        ("a walk without end", |seed| reverting(seed, 1.0, 2.0), 60),
    ];
    for (name, make, most) in shapes {
        let told = (1..=200)
            .filter(|seed| seen(&make(*seed), None, &[]).is_some())
            .count();
        println!("{name}: {told} of 200");
        assert!(told <= most, "{name}: {told}");
    }
}

fn reverting(seed: u64, keeps: f64, step: f64) -> Vec<(UnixMillis, f64)> {
    let (mut noise, mut off) = (noise(seed), 0.0);
    hours(28, |_| {
        off = keeps * off + step * noise();
        100.0 + off
    })
}

fn reviewed(outlook: Option<Outlook>, last: f64) -> Reviewed {
    Reviewed {
        target: Arc::new(Target {
            labels: Labels::from_pairs([("job", "etcd"), ("instance", "a:1")]),
            scheme: "http".to_owned(),
            address: "a:1".to_owned(),
        }),
        labels: Labels::default(),
        signal: Arc::new(signal()),
        last,
        outlook,
    }
}

fn outlook(rule: Rule, severity: Severity) -> Outlook {
    Outlook {
        rule,
        severity,
        since: UnixMillis(START),
        before: 10.0,
        now: 20.0,
        score: 1.0,
        title: "it grows".to_owned(),
        explanation: String::new(),
    }
}

#[test]
fn what_is_seen_is_told_once_when_it_gets_worse_and_when_it_is_over() {
    let mut reviews = Reviews::default();
    let told = |reviews: &mut Reviews, outlook, last| {
        let findings = reviews.take(&[reviewed(outlook, last)], UnixMillis(START + DAY));
        findings
            .into_iter()
            .map(|f| (f.state, f.severity, f.title))
            .collect::<Vec<_>>()
    };
    let info = || Some(outlook(Rule::Trend, Severity::Info));
    let it_grows = "it grows".to_owned();
    let firing = FindingState::Firing;
    assert_eq!(told(&mut reviews, None, 1.0), []);
    assert_eq!(
        told(&mut reviews, info(), 1.0),
        [(firing, Severity::Info, it_grows.clone())]
    );
    assert_eq!(told(&mut reviews, info(), 1.0), []);
    let worse = Some(outlook(Rule::Trend, Severity::Critical));
    assert_eq!(
        told(&mut reviews, worse, 1.0),
        [(firing, Severity::Critical, it_grows)]
    );
    assert_eq!(told(&mut reviews, info(), 1.0), [], "no worse");
    let over = told(&mut reviews, None, 12.0);
    let text = "Memory no longer grows".to_owned();
    assert_eq!(over, [(FindingState::Resolved, Severity::Critical, text)]);
    assert_eq!(told(&mut reviews, None, 12.0), []);
}

#[test]
fn a_restart_of_ours_tells_nothing_twice_and_a_target_that_goes_ends_its_troubles() {
    let mut before = Reviews::default();
    let change = || reviewed(Some(outlook(Rule::Change, Severity::Info)), 20.0);
    let told = before.take(&[change()], UnixMillis(START + DAY));
    let mut after = Reviews::default();
    after.resume(told.clone());
    assert_eq!(after.take(&[change()], UnixMillis(START + 2 * DAY)), []);
    assert_eq!(
        after.end_gone(|_| true, UnixMillis(START + 3 * DAY)).len(),
        0
    );
    let ended = after.end_gone(|_| false, UnixMillis(START + 3 * DAY));
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (ended[0].id, ended[0].state),
        (told[0].id, FindingState::Resolved)
    );
    before.take(&[reviewed(None, 19.0)], UnixMillis(START + DAY));
    let stays = before.take(&[change()], UnixMillis(START + DAY));
    assert_eq!(stays.len(), 1);
    let over = before.take(&[reviewed(None, 19.0)], UnixMillis(START + 9 * DAY));
    assert_eq!(over[0].title, "Memory stays at 19, which is usual by now");
}
