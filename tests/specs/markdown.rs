// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reads one specification: which checks it describes, and the examples of each with their fenced blocks.

use std::path::{Path, PathBuf};

/// What stands below one ``## `id` `` heading.
pub(crate) struct Section {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) examples: Vec<Example>,
}

/// What stands below one `###` heading of a section.
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) blocks: Vec<Block>,
}

/// A fenced block: its info string in words, and its text.
pub(crate) struct Block {
    pub(crate) info: Vec<String>,
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// A file and a line, as an editor takes it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

const FENCE: &str = "```";

/// All specifications of this source tree.
pub(crate) fn sections() -> Result<Vec<Section>, String> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checks"), &mut files)?;
    files.sort();
    let mut sections = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let name = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file);
        sections.extend(parse(&name.display().to_string(), &text)?);
    }
    Ok(sections)
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let at = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(at)? {
        let path = entry.map_err(at)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    Ok(())
}

/// The sections of one file. Prose between headings and blocks is for people; a block outside an example is prose too.
pub(crate) fn parse(file: &str, text: &str) -> Result<Vec<Section>, String> {
    let mut sections: Vec<Section> = Vec::new();
    // Whether the current heading is a check's, and an example's: a heading of prose ends both.
    let (mut in_section, mut in_example) = (false, false);
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let place = Place { file: file.to_owned(), line: index + 1 };
        if let Some(name) = line.strip_prefix("### ") {
            in_example = in_section;
            if let Some(section) = sections.last_mut().filter(|_| in_section) {
                section.examples.push(Example { name: name.trim().to_owned(), place, blocks: Vec::new() });
            }
        } else if let Some(heading) = line.strip_prefix("## ") {
            in_example = false;
            let id = heading.trim().strip_prefix('`').and_then(|heading| heading.strip_suffix('`'));
            in_section = id.is_some();
            if let Some(id) = id {
                sections.push(Section { id: id.to_owned(), place, examples: Vec::new() });
            }
        } else if let Some(info) = line.strip_prefix(FENCE) {
            let mut text = String::new();
            loop {
                match lines.next() {
                    None => return Err(format!("{place}: this block has no end")),
                    Some((_, FENCE)) => break,
                    Some((_, line)) => {
                        text.push_str(line);
                        text.push('\n');
                    }
                }
            }
            let example = sections.last_mut().and_then(|section| section.examples.last_mut());
            if let Some(example) = example.filter(|_| in_example) {
                let info = info.split_whitespace().map(str::to_owned).collect();
                example.blocks.push(Block { info, text, place });
            }
        } else if line.trim_start().starts_with(FENCE) {
            return Err(format!("{place}: a fence must start in the first column"));
        }
    }
    Ok(sections)
}

#[test]
fn a_specification_is_read_as_its_author_means_it() {
    let text = "# T\n```xml\n<prose/>\n```\n## `vm.a`\nProse.\n### One\n```xml live vm=b\n<x>\n</x>\n```\n```verdict\npass: Y.\n```\n## Notes\n### No example\n";
    let sections = parse("a.md", text).unwrap();
    assert_eq!(sections.len(), 1);
    assert_eq!((sections[0].id.as_str(), sections[0].place.to_string().as_str()), ("vm.a", "a.md:5"));
    assert_eq!(sections[0].examples.len(), 1);
    let blocks = &sections[0].examples[0].blocks;
    assert_eq!(blocks[0].info, ["xml", "live", "vm=b"]);
    assert_eq!(blocks[0].text, "<x>\n</x>\n");
    assert_eq!(blocks[1].place.line, 12);
    assert!(parse("a.md", "## `vm.a`\n### One\n```xml\n<x>").is_err());
}
