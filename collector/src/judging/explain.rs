//! Why: what the profiles of a target in trouble say that those from before do not.

use baseline::causes::Causes;
use baseline::explain::{Change, Likely, Side, cause_of, growth, likely};
use baseline::profiles::FUNCTION_LABEL;
use proto::UnixNanos;
use proto::finding::{Finding, Rule};
use proto::metrics::PROFILE_LABEL;
use proto::profile::Profile;
use proto::selector::Selector;
use storage::ErrorChain;
use storage::archive::{ProfileSelection, Recall};

use super::investigation::Investigation;

/// How long before the trouble profiles are compared with. Nanoseconds.
const BEFORE: i64 = 86_400_000_000_000;
/// What is so shortly before the trouble may already be part of it. Nanoseconds.
const MARGIN: i64 = 300_000_000_000;
/// Functions that are named for each kind of profile.
const MAX_NAMED: usize = 5;

/// What is known beside the profiles.
pub(super) struct Knowledge {
    pub(super) recall: Recall,
    pub(super) causes: Causes,
}

/// What the present is compared with.
pub(crate) struct Reference {
    pub(crate) from: UnixNanos,
    pub(crate) to: UnixNanos,
    /// When that was: on the day before, ….
    pub(crate) words: &'static str,
}

impl Reference {
    /// The day before a trouble; of a slow one, which has no beginning, its first day.
    pub(crate) fn of(finding: &Finding) -> Self {
        let since = UnixNanos::from(finding.since).0;
        let (from, to, words) = match finding.rule {
            Rule::Trend => (since, since + BEFORE, "on the first day"),
            _ => (since - BEFORE, since - MARGIN, "on the day before"),
        };
        Self {
            from: UnixNanos(from),
            to: UnixNanos(to),
            words,
        }
    }
}

/// Of what program a finding is, and which kinds of profiles explain it, the best first.
pub(super) struct Question {
    pub(super) component: String,
    pub(super) kinds: Vec<String>,
    /// Of which values of a profile it is, if it is of a profile.
    pub(super) sample_type: Option<String>,
}

/// What one kind of profile says.
struct Said {
    text: String,
    /// From the table of causes: the cause, its remedy, and how much of the profile speaks for it.
    cause: Option<(String, String, f64)>,
    /// The function that explains the most, if one does.
    function: Option<String>,
}

/// The finding of an investigation with what explains it. Reads the archive: may block.
pub(super) fn explain(
    knowledge: &Knowledge,
    question: &Question,
    investigation: &Investigation,
) -> Finding {
    let mut finding = investigation.finding.clone();
    finding.captures = investigation
        .taken
        .iter()
        .map(|taken| taken.capture_id)
        .collect();
    let mut newest = investigation.newest();
    let rank = |kind: &str| question.kinds.iter().position(|wanted| wanted == kind);
    newest.retain(|(kind, _)| question.kinds.is_empty() || rank(kind).is_some());
    newest.sort_by_key(|(kind, _)| rank(kind));
    let said: Vec<Said> = newest
        .iter()
        .map(|(kind, now)| knowledge.compare(&finding, question, kind, now))
        .collect();
    let own = of_function(knowledge, &finding, question, &newest);
    for said in &said {
        finding.explanation += &format!("\n\n{}", said.text);
    }
    let function = said.iter().find_map(|said| said.function.clone());
    let causes = said.into_iter().filter_map(|said| said.cause);
    let likeliest = causes.max_by(|(.., a), (.., b)| a.total_cmp(b));
    let likeliest = likeliest.map(|(cause, remedy, _)| (cause, remedy));
    finding.cause = function.unwrap_or_default();
    // A finding about a function says what that function means, whatever else has grown.
    let likeliest = match own {
        Some(own) => {
            finding.cause = own.told;
            own.cause
        }
        None => likeliest,
    };
    if let Some((cause, remedy)) = likeliest {
        finding.cause = cause;
        if !remedy.is_empty() {
            finding.remedy = match finding.remedy.is_empty() {
                true => remedy,
                false => format!("{remedy} {}", finding.remedy),
            };
        }
    }
    finding
}

/// What is known of the function that a finding is about.
struct OfFunction {
    told: String,
    /// From the table of causes, with its remedy.
    cause: Option<(String, String)>,
}

fn of_function(
    knowledge: &Knowledge,
    finding: &Finding,
    question: &Question,
    newest: &[(&str, &Profile)],
) -> Option<OfFunction> {
    let function = finding.labels.get(FUNCTION_LABEL)?;
    let kind = finding.labels.get(PROFILE_LABEL)?;
    let component = Some(question.component.as_str()).filter(|one| is_program(one));
    let taken = newest.iter().find(|(taken, _)| *taken == kind);
    let cause = taken.and_then(|(_, now)| {
        let type_idx = now.type_idx(question.sample_type.as_deref()?)?;
        let now = Side {
            type_idx,
            ..side(now, 1)
        };
        let cause = cause_of(&knowledge.causes, kind, component, function, now)?;
        Some((cause.cause.clone(), cause.remedy.clone()))
    });
    let [before, now] = [finding.before, finding.now].map(percent);
    let name = kind.replace('_', " ");
    let told = format!("{function} has {now} of profile {name}, {before} before.");
    Some(OfFunction { told, cause })
}

impl Knowledge {
    fn compare(&self, finding: &Finding, question: &Question, kind: &str, now: &Profile) -> Said {
        let reference = Reference::of(finding);
        let selection = ProfileSelection {
            selector: Selector::of(&finding.target.labels),
            kind: Some(kind.to_owned()),
            from: Some(reference.from),
            to: Some(reference.to),
            ..ProfileSelection::default()
        };
        let (before, problem) = match self.recall.profile(&selection) {
            Ok(before) => (before, None),
            Err(error) => (None, Some(ErrorChain(&error).to_string())),
        };
        let now_side = side(now, 1);
        let before_side = before
            .as_ref()
            .map(|merged| side(&merged.profile, merged.n_captures));
        let component = Some(question.component.as_str()).filter(|one| is_program(one));
        let likely = likely(&self.causes, kind, component, before_side, now_side);
        let changes = before_side.map(|before| growth(before, now_side));
        let mut text = headline(kind, &reference, before_side, now_side);
        match &changes {
            Some(changes) if changes.is_empty() => {
                text += " No function alone explains the difference.";
            }
            Some(changes) => text += &named(changes),
            None => text += &most(now_side),
        }
        if let Some(problem) = problem {
            text += &format!(" (Profiles from before cannot be read: {problem}.)");
        }
        if let Some(first) = likely.first() {
            text += &format!(" {}", speaks_for(first));
        }
        let cause = likely.first().map(|one| {
            let [before, now] = one.share;
            let grown = if before.is_nan() { now } else { now - before };
            (one.cause.cause.clone(), one.cause.remedy.clone(), grown)
        });
        let grown = changes.and_then(|changes| changes.into_iter().next());
        let function = grown.map(|change| {
            let [before, now] = change.share.map(percent);
            let name = kind.replace('_', " ");
            format!(
                "{} has {now} of profile {name}, {before} before.",
                change.function
            )
        });
        Said {
            text,
            cause,
            function,
        }
    }
}

/// Signals of what every program has say nothing of which program it is.
fn is_program(component: &str) -> bool {
    !matches!(
        component,
        "go" | "process" | "profiles" | "target" | "custom"
    )
}

/// Profiles on one footing: of what happened in a time a second of it, of snapshots one.
pub(crate) fn side(profile: &Profile, n_captures: u64) -> Side<'_> {
    let type_idx = profile.default_type_idx();
    let weight = match is_rate(profile) {
        true => profile.duration_nanos as f64 / 1e9,
        false => n_captures.max(1) as f64,
    };
    // A sample of the CPU stands for a period of time, one of the heap for a period of bytes.
    let period = profile.period.max(1) as f64;
    let total = profile.total(type_idx) as f64;
    let is_of_type = unit(profile) == profile.strings.get(profile.period_type.unit);
    Side {
        profile,
        type_idx,
        weight,
        n_events: if is_of_type { total / period } else { total },
    }
}

/// Whether the default sample type counts what happened in a time. What is in use does not, although
/// Go's heap profiles have a duration.
fn is_rate(profile: &Profile) -> bool {
    let sample_type = profile.sample_types.get(profile.default_type_idx());
    let name = sample_type.map_or("", |one| profile.strings.get(one.kind));
    profile.duration_nanos > 0 && !name.starts_with("inuse") && name != "goroutine"
}

/// The unit of the default sample type.
fn unit(profile: &Profile) -> &str {
    let sample_type = profile.sample_types.get(profile.default_type_idx());
    sample_type.map_or("", |one| profile.strings.get(one.unit))
}

/// How much there is of a kind now and before.
fn headline(kind: &str, reference: &Reference, before: Option<Side<'_>>, now: Side<'_>) -> String {
    let amount = |side: Side<'_>| {
        let total = side.profile.total(side.type_idx) as f64 / side.weight;
        shown(total, unit(side.profile), is_rate(side.profile))
    };
    let name = kind.replace('_', " ");
    match before {
        Some(before) => format!(
            "Profile {name}: {} now, {} {}.",
            amount(now),
            amount(before),
            reference.words
        ),
        None => format!(
            "Profile {name}: {} now; there is none from before.",
            amount(now)
        ),
    }
}

/// A value in the unit of a profile's values; of what happened in a time, for each second.
fn shown(value: f64, unit: &str, is_rate: bool) -> String {
    use baseline::catalogue::Unit;
    match (unit, is_rate) {
        ("nanoseconds", true) => Unit::Cores.format(value / 1e9),
        ("nanoseconds", false) => Unit::Seconds.format(value / 1e9),
        ("bytes", true) => Unit::BytesPerSecond.format(value),
        ("bytes", false) => Unit::Bytes.format(value),
        (_, true) => Unit::PerSecond.format(value),
        (_, false) => Unit::Count.format(value),
    }
}

fn named(changes: &[Change]) -> String {
    let named = changes.iter().take(MAX_NAMED).map(|change| {
        let [before, now] = change.share.map(percent);
        format!("{} ({before} → {now})", change.function)
    });
    format!(" More than before is in {}.", list(named))
}

/// Where most is, when there is nothing to compare with.
fn most(side: Side<'_>) -> String {
    let rows = proto::profile_ops::top(side.profile, side.type_idx, MAX_NAMED);
    let whole = side.profile.total(side.type_idx) as f64;
    let rows = rows.into_iter().filter(|row| row.flat > 0);
    let named = rows.map(|row| format!("{} ({})", row.function, percent(row.flat as f64 / whole)));
    format!(" Most is in {}.", list(named))
}

fn speaks_for(likely: &Likely<'_>) -> String {
    let [before, now] = likely.share;
    let was = match before.is_nan() {
        true => String::new(),
        false => format!(", {} before", percent(before)),
    };
    format!(
        "{} of it speak for this{was}: {}",
        percent(now),
        likely.cause.cause
    )
}

fn percent(share: f64) -> String {
    baseline::catalogue::Unit::Ratio.format((share * 1000.0).round() / 1000.0)
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
