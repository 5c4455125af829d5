//! The families of a page while it is read: which one a sample belongs to.

use std::collections::HashMap;

use crate::metrics::{Family, MetricKind};

/// Families in the order of the page.
#[derive(Debug, Default)]
pub(super) struct FamilyTable {
    list: Vec<Family>,
    by_name: HashMap<String, u32>,
    current: u32,
}

impl FamilyTable {
    pub(super) fn get(&self, idx: u32) -> Option<&Family> {
        self.list.get(idx as usize)
    }

    pub(super) fn into_vec(self) -> Vec<Family> {
        self.list
    }

    /// Changes the family called `name`, which is made if the page has not named it yet.
    pub(super) fn update(&mut self, name: &str, change: impl FnOnce(&mut Family)) -> u32 {
        let idx = self.intern(name);
        self.current = idx;
        if let Some(family) = self.list.get_mut(idx as usize) {
            change(family);
        }
        idx
    }

    /// The family of the sample called `name`; one of its own if none was declared for it.
    pub(super) fn of_sample(&mut self, name: &str) -> u32 {
        if self
            .get(self.current)
            .is_some_and(|family| owns(family, name))
        {
            return self.current;
        }
        match self.by_name.get(name).copied().or_else(|| self.owner(name)) {
            Some(idx) => idx,
            None => self.intern(name),
        }
    }

    /// The family whose `_created` series is called `name`: its index and the name of the series
    /// that the time belongs to.
    pub(super) fn of_created(&self, name: &str) -> Option<(u32, String)> {
        let base = name.strip_suffix("_created")?;
        let idx = *self.by_name.get(base)?;
        let suffix = match self.get(idx)?.kind {
            MetricKind::Counter => "_total",
            MetricKind::Histogram | MetricKind::Summary => "_count",
            MetricKind::GaugeHistogram => "_gcount",
            _ => return None,
        };
        Some((idx, format!("{base}{suffix}")))
    }

    fn owner(&self, name: &str) -> Option<u32> {
        let (base, _) = name.rsplit_once('_')?;
        let idx = *self.by_name.get(base)?;
        self.get(idx)
            .is_some_and(|family| owns(family, name))
            .then_some(idx)
    }

    fn intern(&mut self, name: &str) -> u32 {
        if let Some(idx) = self.by_name.get(name) {
            return *idx;
        }
        let idx = self.list.len() as u32;
        self.list.push(Family {
            name: name.to_owned(),
            ..Family::default()
        });
        self.by_name.insert(name.to_owned(), idx);
        idx
    }
}

/// Whether `family` has a series called `name`.
pub(super) fn owns(family: &Family, name: &str) -> bool {
    name.strip_prefix(family.name.as_str())
        .is_some_and(|suffix| suffix.is_empty() || suffixes(family.kind).contains(&suffix))
}

/// Checks that a metric's name ends in its unit, as OpenMetrics demands.
pub(super) fn check_unit(name: &str, unit: &str) -> Result<(), &'static str> {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let fits = name
        .strip_suffix(unit)
        .is_some_and(|base| base.ends_with('_'));
    if unit.is_empty() || fits {
        Ok(())
    } else {
        Err("unit is not the suffix of the metric's name")
    }
}

fn suffixes(kind: MetricKind) -> &'static [&'static str] {
    match kind {
        MetricKind::Counter => &["_total"],
        MetricKind::Histogram => &["_bucket", "_sum", "_count"],
        // OpenMetrics writes _gsum and _gcount, the protobuf format expands to the others.
        MetricKind::GaugeHistogram => &["_bucket", "_gsum", "_gcount", "_sum", "_count"],
        MetricKind::Summary => &["_sum", "_count"],
        MetricKind::Info => &["_info"],
        MetricKind::Gauge | MetricKind::StateSet | MetricKind::Unknown => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_find_their_family_by_suffix_and_kind() {
        let mut table = FamilyTable::default();
        let latency = table.update("latency", |family| family.kind = MetricKind::Histogram);
        let latency_sum = table.update("size", |family| family.kind = MetricKind::Gauge);
        assert_eq!(table.of_sample("latency_bucket"), latency);
        assert_eq!(table.of_sample("size"), latency_sum);
        let own = table.of_sample("size_bucket");
        assert_eq!(
            table.get(own).map(|family| family.name.as_str()),
            Some("size_bucket")
        );
    }

    #[test]
    fn created_times_belong_to_the_counting_series() {
        let mut table = FamilyTable::default();
        table.update("requests", |family| family.kind = MetricKind::Counter);
        table.update("pods", |family| family.kind = MetricKind::Gauge);
        assert_eq!(
            table.of_created("requests_created"),
            Some((0, "requests_total".to_owned()))
        );
        assert_eq!(table.of_created("pods_created"), None);
    }
}
