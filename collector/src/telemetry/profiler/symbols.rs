//! From instruction addresses of this process to a profile's locations.

use std::collections::HashMap;

use proto::profile::{
    Function, Line, Lines, Location, LocationId, Mapping, MappingId, ProfileBuilder,
};

use super::maps::{self, CodeMapping};

/// Adds locations to a profile; each address is resolved once.
pub(super) struct Symbolizer {
    mappings: Vec<CodeMapping>,
    known: HashMap<u64, LocationId>,
}

impl Symbolizer {
    /// For addresses in the files that are mapped now.
    pub(super) fn new(mappings: Vec<CodeMapping>) -> Self {
        Self {
            mappings,
            known: HashMap::new(),
        }
    }

    /// The location of a return address, as unwinders report them. The call is what precedes it,
    /// so the byte before is what is looked up.
    pub(super) fn location(
        &mut self,
        builder: &mut ProfileBuilder,
        return_address: u64,
    ) -> LocationId {
        let address = return_address.saturating_sub(1);
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        let mapping = maps::find(&self.mappings, address).map(|found| mapping(builder, found));
        let lines = resolve(builder, address);
        let location = Location {
            mapping,
            address,
            lines,
            is_folded: false,
        };
        let id = builder.location(location);
        self.known.insert(address, id);
        id
    }
}

impl Drop for Symbolizer {
    fn drop(&mut self) {
        // The resolver keeps the symbols of the last files it read: megabytes that are needed
        // again only with the next profile.
        backtrace::clear_symbol_cache();
    }
}

fn mapping(builder: &mut ProfileBuilder, found: &CodeMapping) -> MappingId {
    let filename = builder.string(&found.path);
    builder.mapping(Mapping {
        memory_start: found.start,
        memory_limit: found.end,
        file_offset: found.file_offset,
        filename,
        // Without this, readers look for the file to resolve the names themselves.
        has_functions: true,
        ..Mapping::default()
    })
}

/// The function at `address` and those inlined there, innermost first. Empty if unknown.
fn resolve(builder: &mut ProfileBuilder, address: u64) -> Lines {
    let mut lines = Lines::new();
    let address = std::ptr::without_provenance_mut(address as usize);
    backtrace::resolve(address, |symbol| {
        let Some(name) = symbol.name() else { return };
        // The alternate form leaves the hash at the end of a mangled name out.
        let short = builder.string(&format!("{name:#}"));
        let system_name = builder.string(name.as_str().unwrap_or_default());
        let filename = symbol
            .filename()
            .map(|path| path.to_string_lossy())
            .unwrap_or_default();
        let filename = builder.string(&filename);
        let function = Function {
            name: short,
            system_name,
            filename,
            start_line: 0,
        };
        lines.push(Line {
            function: builder.function(function),
            line: symbol.lineno().map_or(0, i64::from),
            column: symbol.colno().map_or(0, i64::from),
        });
    });
    lines
}
