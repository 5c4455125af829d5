//! The executable files mapped into this process, from `/proc/self/maps` (proc(5)).

/// One executable mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodeMapping {
    /// First address.
    pub(super) start: u64,
    /// First address behind it.
    pub(super) end: u64,
    /// Offset in the file of `start`.
    pub(super) file_offset: u64,
    /// The file.
    pub(super) path: String,
}

/// The executable mappings of this process.
pub(super) fn of_this_process() -> std::io::Result<Vec<CodeMapping>> {
    Ok(parse(&std::fs::read_to_string("/proc/self/maps")?))
}

/// The executable mappings of files, in the order of their addresses; lines of another shape are
/// passed over.
fn parse(maps: &str) -> Vec<CodeMapping> {
    maps.lines().filter_map(parse_line).collect()
}

/// The mapping that holds `address`.
pub(super) fn find(mappings: &[CodeMapping], address: u64) -> Option<&CodeMapping> {
    let idx = mappings.partition_point(|mapping| mapping.end <= address);
    mappings.get(idx).filter(|mapping| mapping.start <= address)
}

/// `START-END PERMISSIONS OFFSET DEVICE INODE PATH`, numbers in hexadecimal.
fn parse_line(line: &str) -> Option<CodeMapping> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let is_executable = fields.next()?.contains('x');
    let file_offset = hex(fields.next()?)?;
    let path = fields.nth(2)?.trim();
    if !is_executable || path.is_empty() {
        return None;
    }
    Some(CodeMapping {
        start: hex(start)?,
        end: hex(end)?,
        file_offset,
        path: path.to_owned(),
    })
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
555555554000-555555600000 r--p 00000000 fe:01 1234                       /opt/lead sman
555555600000-555555a00000 r-xp 000ac000 fe:01 1234                       /opt/lead sman
7ffff7d00000-7ffff7e00000 rw-p 00000000 00:00 0
7ffff7e00000-7ffff7f00000 r-xp 00026000 fe:01 99                         /lib/libc.so.6
7ffff7fc0000-7ffff7fc2000 r-xp 00000000 00:00 0                          [vdso]
garbage
";

    #[test]
    fn executable_mappings_are_found_by_address() {
        let mappings = parse(MAPS);
        let paths: Vec<&str> = mappings
            .iter()
            .map(|mapping| mapping.path.as_str())
            .collect();
        assert_eq!(paths, ["/opt/lead sman", "/lib/libc.so.6", "[vdso]"]);
        assert_eq!(mappings[0].file_offset, 0xac000);
        let path = |address| find(&mappings, address).map(|mapping| mapping.path.as_str());
        assert_eq!(path(0x5555_5560_0000), Some("/opt/lead sman"));
        assert_eq!(path(0x5555_5555_5000), None);
        assert_eq!(path(0x5555_55a0_0000), None);
        assert_eq!(path(0x7fff_f7ef_ffff), Some("/lib/libc.so.6"));
        assert_eq!(path(u64::MAX), None);
    }
}
