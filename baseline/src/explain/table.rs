//! What is spent in each function of a profile, and with which functions above it.

use std::collections::HashMap;

use proto::profile::{LocationId, Profile, StackId};

use super::Side;

/// The functions of two profiles under one numbering.
#[derive(Default)]
pub(crate) struct Names {
    idxs: HashMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    fn idx(&mut self, name: &str) -> usize {
        if let Some(&idx) = self.idxs.get(name) {
            return idx;
        }
        let idx = self.names.len();
        self.idxs.insert(name.to_owned(), idx);
        self.names.push(name.to_owned());
        idx
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, idx: usize) -> &str {
        self.names.get(idx).map_or("", String::as_str)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

/// One stack with what is spent on it.
pub(crate) struct Spent {
    /// Its functions, leaf first; of a recursion the innermost.
    pub(crate) functions: Vec<usize>,
    /// In the profile's unit, divided by the side's weight.
    pub(crate) amount: f64,
}

/// The stacks of a side.
pub(crate) fn stacks(side: &Side<'_>, names: &mut Names) -> Vec<Spent> {
    let profile = side.profile;
    let mut by_stack = HashMap::<StackId, f64>::new();
    for (stack, _, values) in profile.samples() {
        let value = values.get(side.type_idx).copied().unwrap_or(0);
        *by_stack.entry(stack).or_default() += value as f64 / side.weight;
    }
    let of_location: Vec<Vec<usize>> = (0..profile.locations.len() as u32)
        .map(|id| {
            let frames = profile.frames_of_location(LocationId(id));
            frames.map(|frame| names.idx(&frame.name)).collect()
        })
        .collect();
    let mut stacks: Vec<_> = by_stack
        .into_iter()
        .filter(|(_, amount)| *amount != 0.0)
        .collect();
    stacks.sort_unstable_by_key(|(stack, _)| *stack);
    let spent = stacks.into_iter().map(|(stack, amount)| Spent {
        functions: functions(profile, stack, &of_location),
        amount,
    });
    spent.collect()
}

fn functions(profile: &Profile, stack: StackId, of_location: &[Vec<usize>]) -> Vec<usize> {
    let stack = profile.stacks.get(stack.0 as usize);
    let locations = stack.into_iter().flat_map(|stack| stack.iter());
    let frames = locations
        .filter_map(|id| of_location.get(id.0 as usize))
        .flatten();
    let mut functions = Vec::new();
    for function in frames {
        if !functions.contains(function) {
            functions.push(*function);
        }
    }
    functions
}

/// What is spent in each function, by its index.
pub(crate) struct Amounts {
    /// In itself.
    pub(crate) own: Vec<f64>,
    /// In it and what it calls.
    pub(crate) total: Vec<f64>,
    /// In all.
    pub(crate) whole: f64,
}

impl Amounts {
    pub(crate) fn of(stacks: &[Spent], n_functions: usize) -> Self {
        let mut amounts = Self {
            own: vec![0.0; n_functions],
            total: vec![0.0; n_functions],
            whole: 0.0,
        };
        for spent in stacks {
            amounts.whole += spent.amount;
            if let Some(&leaf) = spent.functions.first() {
                amounts.own[leaf] += spent.amount;
            }
            for &function in &spent.functions {
                amounts.total[function] += spent.amount;
            }
        }
        amounts
    }
}
