//! Frames and texts of the buffered profiles, each once.

use std::sync::Arc;

use proto::profile::{Line, Location, LocationId, Mapping, Profile, StrId};

use super::intern::{Interner, Novelty};

/// Handle of a text in a [`FrameTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TextId(u32);

/// One row of `stacks.frames`: a line of a location, or a location without lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Frame {
    /// `None` if the location is not symbolised.
    pub(super) function: Option<FrameFunction>,
    pub(super) mapping: Option<FrameMapping>,
    pub(super) address: u64,
    /// Whether it was inlined into the frame that follows: they are one location.
    pub(super) is_inlined: bool,
    pub(super) is_folded: bool,
}

/// The function of a frame, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FrameFunction {
    pub(super) name: TextId,
    pub(super) system_name: TextId,
    pub(super) file: TextId,
    pub(super) start_line: i64,
    pub(super) line: i64,
    pub(super) column: i64,
}

/// What tells the mapping of a frame from the others of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FrameMapping {
    pub(super) start: u64,
    pub(super) file: TextId,
    pub(super) build_id: TextId,
}

impl From<&Frame> for Frame {
    fn from(frame: &Frame) -> Self {
        frame.clone()
    }
}

/// Frames and texts, each once.
#[derive(Debug, Default)]
pub(super) struct FrameTable {
    texts: Interner<Arc<str>>,
    frames: Interner<Frame>,
    n_bytes: usize,
}

impl FrameTable {
    /// What it holds in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// The frame of a handle.
    pub(super) fn frame(&self, handle: u32) -> &Frame {
        self.frames.get(handle)
    }

    /// The text of a handle.
    pub(super) fn text(&self, id: TextId) -> &str {
        self.texts.get(id.0)
    }

    /// The one copy of a text.
    pub(super) fn intern_text(&mut self, text: &str) -> Arc<str> {
        let id = self.text_id(text);
        self.texts.get(id.0).clone()
    }

    /// Handles of a stack's frames, leaf first, those of a location innermost first.
    pub(super) fn intern_stack(&mut self, profile: &Profile, stack: &[LocationId]) -> Box<[u32]> {
        let mut handles = Vec::with_capacity(stack.len());
        let locations = stack
            .iter()
            .filter_map(|id| profile.locations.get(id.0 as usize));
        for location in locations {
            self.intern_location(profile, location, &mut handles);
        }
        handles.into_boxed_slice()
    }

    fn intern_location(&mut self, profile: &Profile, location: &Location, out: &mut Vec<u32>) {
        let mapping = location
            .mapping
            .and_then(|id| profile.mappings.get(id.0 as usize));
        let mut frame = Frame {
            function: None,
            mapping: mapping.map(|mapping| self.frame_mapping(profile, mapping)),
            address: location.address,
            is_inlined: false,
            is_folded: location.is_folded,
        };
        let Some((caller, inlined)) = location.lines.split_last() else {
            out.push(self.intern_frame(&frame));
            return;
        };
        frame.is_inlined = true;
        for line in inlined {
            frame.function = Some(self.frame_function(profile, line));
            out.push(self.intern_frame(&frame));
        }
        frame.is_inlined = false;
        frame.function = Some(self.frame_function(profile, caller));
        out.push(self.intern_frame(&frame));
    }

    /// The handle of a frame.
    pub(super) fn intern_frame(&mut self, frame: &Frame) -> u32 {
        let (handle, novelty) = self.frames.intern(frame);
        if novelty == Novelty::New {
            self.n_bytes += 2 * size_of::<Frame>() + 16;
        }
        handle
    }

    fn frame_mapping(&mut self, profile: &Profile, mapping: &Mapping) -> FrameMapping {
        FrameMapping {
            start: mapping.memory_start,
            file: self.profile_text(profile, mapping.filename),
            build_id: self.profile_text(profile, mapping.build_id),
        }
    }

    fn frame_function(&mut self, profile: &Profile, line: &Line) -> FrameFunction {
        let function = profile
            .functions
            .get(line.function.0 as usize)
            .copied()
            .unwrap_or_default();
        FrameFunction {
            name: self.profile_text(profile, function.name),
            system_name: self.profile_text(profile, function.system_name),
            file: self.profile_text(profile, function.filename),
            start_line: function.start_line,
            line: line.line,
            column: line.column,
        }
    }

    fn profile_text(&mut self, profile: &Profile, id: StrId) -> TextId {
        self.text_id(profile.strings.get(id))
    }

    /// The handle of a text.
    pub(super) fn text_id(&mut self, text: &str) -> TextId {
        let (id, novelty) = self.texts.intern(text);
        if novelty == Novelty::New {
            self.n_bytes += text.len() + 64;
        }
        TextId(id)
    }
}
