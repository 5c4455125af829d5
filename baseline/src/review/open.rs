//! What was told of reviews and is not over.

use std::collections::HashMap;
use std::sync::Arc;

use proto::finding::{FindingId, FindingState, Rule};
use proto::{Finding, Labels, Target, UnixMillis};

use super::Outlook;
use crate::assess::{incident_number, ucum};
use crate::catalogue::Signal;

/// One series and what its past says.
#[derive(Clone, Debug)]
pub struct Reviewed {
    /// Whose it is.
    pub target: Arc<Target>,
    /// Its labels beyond those of the target.
    pub labels: Labels,
    /// Of what signal.
    pub signal: Arc<Signal>,
    /// Its newest hour. NaN if there is none.
    pub last: f64,
    /// What is seen, if anything is.
    pub outlook: Option<Outlook>,
}

/// The findings of reviews that are open.
#[derive(Debug, Default)]
pub struct Reviews(HashMap<FindingId, Finding>);

impl Reviews {
    /// Goes on with what was found before a restart: it is not told again.
    pub fn resume(&mut self, open: impl IntoIterator<Item = Finding>) {
        let is_ours = |one: &Finding| matches!(one.rule, Rule::Trend | Rule::Change);
        let firing = open
            .into_iter()
            .filter(|one| one.state == FindingState::Firing);
        self.0
            .extend(firing.filter(is_ours).map(|one| (one.id, one)));
    }

    /// Takes a review of all series that are there: what begins, has become worse, or is over.
    /// Troubles of series that are not among `all` go on.
    pub fn take(&mut self, all: &[Reviewed], time: UnixMillis) -> Vec<Finding> {
        let mut told = Vec::new();
        for one in all {
            for rule in [Rule::Trend, Rule::Change] {
                let id = FindingId::of(one.target.id(), &one.signal.name, &one.labels, rule);
                let outlook = one.outlook.as_ref().filter(|outlook| outlook.rule == rule);
                match (self.0.get(&id), outlook) {
                    (Some(open), Some(outlook)) if outlook.severity <= open.severity => {}
                    (open, Some(outlook)) => {
                        let finding = one.firing(id, outlook, open, time);
                        self.0.insert(id, finding.clone());
                        told.push(finding);
                    }
                    (Some(_), None) => {
                        let over = self.0.remove(&id).map(|open| one.over(open, time));
                        told.extend(over);
                    }
                    (None, None) => {}
                }
            }
        }
        told
    }

    /// Ends the troubles of targets that are gone.
    pub fn end_gone(
        &mut self,
        is_there: impl Fn(&Target) -> bool,
        time: UnixMillis,
    ) -> Vec<Finding> {
        let gone = self.0.extract_if(|_, finding| !is_there(&finding.target));
        let ended = gone.map(|(_, open)| Finding {
            state: FindingState::Resolved,
            time,
            now: f64::NAN,
            title: format!("{} is no longer reported", open.signal),
            explanation: "The target is gone.".to_owned(),
            ..open
        });
        ended.collect()
    }
}

impl Reviewed {
    fn firing(
        &self,
        id: FindingId,
        outlook: &Outlook,
        open: Option<&Finding>,
        time: UnixMillis,
    ) -> Finding {
        let since = open.map_or(outlook.since, |open| open.since);
        Finding {
            id,
            // Slow troubles are open for weeks: each is an incident of its own.
            incident: incident_number(id, since),
            target: Arc::clone(&self.target),
            signal: self.signal.name.clone(),
            labels: self.labels.clone(),
            rule: outlook.rule,
            state: FindingState::Firing,
            severity: outlook.severity,
            time,
            since,
            unit: ucum(self.signal.unit).to_owned(),
            before: outlook.before,
            now: outlook.now,
            lower: f64::NAN,
            upper: f64::NAN,
            score: outlook.score,
            title: outlook.title.clone(),
            explanation: outlook.explanation.clone(),
            cause: String::new(),
            remedy: self.signal.remedy.clone(),
            links: Vec::new(),
            captures: Vec::new(),
        }
    }

    fn over(&self, open: Finding, time: UnixMillis) -> Finding {
        let (title, now) = (&self.signal.title, self.signal.unit.format(self.last));
        let is_kept = (self.last - open.now).abs() < (self.last - open.before).abs();
        let text = match (open.rule, is_kept) {
            (Rule::Change, true) => format!("{title} stays at {now}, which is usual by now"),
            (Rule::Change, false) => format!("{title} is {now} again"),
            _ if open.now > open.before => format!("{title} no longer grows"),
            _ => format!("{title} no longer falls"),
        };
        Finding {
            state: FindingState::Resolved,
            time,
            now: self.last,
            title: text,
            explanation: format!("It is {now} now."),
            ..open
        }
    }
}
