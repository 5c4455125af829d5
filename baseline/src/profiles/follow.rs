//! Which of very many names are followed: those that matter, and for a good while those that did.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::UnixMillis;

/// A name that has not mattered for this long is let go. Milliseconds.
const FORGOTTEN_AFTER: i64 = 3 * 86_400_000;
/// Where all places are taken, a name has to matter this many times as much as the least of those
/// that have one: names of about the same weight must not take turns.
const STRONGER: f64 = 2.0;

/// From where on a name matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most names.
    pub(super) places: usize,
    /// A name whose score is at least this gets a place, if there is one.
    pub(super) enter: f64,
    /// And keeps it for as long as it is sometimes at least this.
    pub(super) stay: f64,
}

/// Names that are followed: each of them is told in every profile, with 0 when it is not there.
#[derive(Clone, Debug, Default)]
pub(super) struct Followed(BTreeMap<Arc<str>, Standing>);

#[derive(Clone, Debug)]
struct Standing {
    score: f64,
    /// When it mattered last.
    mattered: UnixMillis,
}

impl Followed {
    /// Takes the scores of a moment; a name that has none has 0. Names that `is_told` does not want
    /// get no place, and keep the one they have.
    pub(super) fn update<'a>(
        &mut self,
        time: UnixMillis,
        bounds: Bounds,
        scores: impl IntoIterator<Item = (&'a Arc<str>, f64)>,
        is_told: impl Fn(&str) -> bool,
    ) {
        for standing in self.0.values_mut() {
            standing.score = 0.0;
        }
        let mut new = Vec::new();
        for (name, score) in scores {
            match self.0.get_mut(name) {
                Some(standing) => standing.score = score,
                None if score >= bounds.enter => new.push((name, score)),
                None => {}
            }
        }
        self.0.retain(|_, standing| {
            // A clock that was set back must not keep names for ever.
            let mattered = standing.mattered.min(time);
            standing.mattered = match standing.score >= bounds.stay {
                true => time,
                false => mattered,
            };
            time.0.saturating_sub(mattered.0) < FORGOTTEN_AFTER || standing.mattered == time
        });
        new.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        for (name, score) in new.into_iter().filter(|(name, _)| is_told(name)) {
            if !self.has_place(bounds.places, score) {
                break;
            }
            let mattered = time;
            let standing = Standing { score, mattered };
            self.0.insert(Arc::clone(name), standing);
        }
    }

    /// Whether there is a place for a score, if need be that of the name that matters least.
    fn has_place(&mut self, n_places: usize, score: f64) -> bool {
        if self.0.len() < n_places {
            return true;
        }
        let standings = self.0.iter();
        let least = standings.min_by(|a, b| a.1.score.total_cmp(&b.1.score));
        let weak = least.filter(|(_, least)| score > STRONGER * least.score);
        let weak = weak.map(|(name, _)| Arc::clone(name));
        weak.is_some_and(|name| self.0.remove(&name).is_some())
    }

    /// Those that are followed, in the order of their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        places: 3,
        enter: 1.0,
        stay: 0.5,
    };
    const DAY: i64 = 86_400_000;

    fn update(followed: &mut Followed, time: i64, scores: &[(&str, f64)]) {
        let scores: Vec<(Arc<str>, f64)> = scores
            .iter()
            .map(|(name, score)| (Arc::from(*name), *score))
            .collect();
        let scores = scores.iter().map(|(name, score)| (name, *score));
        followed.update(UnixMillis(time), BOUNDS, scores, |_| true);
    }

    #[track_caller]
    fn check(followed: &Followed, expected: &[&str]) {
        let names: Vec<&str> = followed.names().map(AsRef::as_ref).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn what_matters_gets_a_place_and_keeps_it_for_days() {
        let mut followed = Followed::default();
        update(&mut followed, 0, &[("a", 1.0), ("b", 0.9)]);
        check(&followed, &["a"]);
        update(&mut followed, DAY, &[("a", 0.6)]);
        update(&mut followed, 3 * DAY, &[("a", 0.4)]);
        update(&mut followed, 4 * DAY - 1, &[]);
        check(&followed, &["a"]);
        update(&mut followed, 4 * DAY, &[]);
        check(&followed, &[]);
    }

    #[test]
    fn a_full_house_takes_only_what_is_much_stronger() {
        let mut followed = Followed::default();
        let three = [("a", 3.0), ("b", 2.0), ("c", 1.0)];
        update(&mut followed, 0, &three);
        let fourth = |score| [&three[..], &[("d", score)]].concat();
        update(&mut followed, 1, &fourth(2.0));
        check(&followed, &["a", "b", "c"]);
        update(&mut followed, 2, &fourth(2.1));
        check(&followed, &["a", "b", "d"]);
    }

    #[test]
    fn what_tells_nothing_new_gets_no_place_and_keeps_one() {
        let mut followed = Followed::default();
        let name: Arc<str> = Arc::from("a");
        let scores = || [(&name, 5.0)];
        followed.update(UnixMillis(0), BOUNDS, scores(), |_| false);
        check(&followed, &[]);
        followed.update(UnixMillis(0), BOUNDS, scores(), |_| true);
        followed.update(UnixMillis(1), BOUNDS, scores(), |_| false);
        check(&followed, &["a"]);
    }

    proptest! {
        #[test]
        fn there_are_never_more_than_places(
            rounds in prop::collection::vec(prop::collection::vec((0..20u8, 0.0..9.0f64), 0..20), 1..20),
        ) {
            let mut followed = Followed::default();
            for (time, scores) in (0..).zip(rounds) {
                let scores: BTreeMap<Arc<str>, f64> = scores
                    .into_iter()
                    .map(|(name, score)| (Arc::from(name.to_string()), score))
                    .collect();
                let scores = scores.iter().map(|(name, score)| (name, *score));
                followed.update(UnixMillis(time * DAY / 4), BOUNDS, scores, |_| true);
                prop_assert!(followed.names().count() <= BOUNDS.places);
            }
        }
    }
}
