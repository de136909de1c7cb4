//! Reads the must-fix findings out of a prompt, as a reader would: what stands below the heading that announces them.

/// What announces them, in lower case and with spaces for hyphens.
const ANNOUNCED: [&str; 3] = ["must fix", "must be fixed", "findings to mend"];
/// What stands there when there are none.
const NOTHING: [&str; 4] = ["none", "nothing", "no findings", "-"];

/// The lines below the first such heading, up to the next heading; empty when nothing is to be mended.
pub(super) fn read(prompt: &str) -> Vec<String> {
    let mut lines = prompt.lines().skip_while(|line| !announces(line));
    let Some(heading) = lines.next() else { return Vec::new() };
    let depth = depth(heading);
    let mut fenced = false;
    let below = lines.take_while(|line| {
        fenced ^= line.trim_start().starts_with("```");
        // A `#` in a quoted output is no heading.
        fenced || self::depth(line).is_none_or(|d| depth.is_some_and(|own| d > own))
    });
    below.map(str::trim).filter(|line| says_something(line)).map(str::to_owned).collect()
}

fn announces(line: &str) -> bool {
    let heading = depth(line).is_some() || line.trim_end().ends_with(':');
    let words = line.to_lowercase().replace('-', " ");
    heading && line.len() < 100 && ANNOUNCED.iter().any(|announced| words.contains(announced))
}

/// How deep a Markdown heading is; `None` for another line.
fn depth(line: &str) -> Option<usize> {
    let rest = line.trim_start_matches('#');
    let depth = line.len() - rest.len();
    ((1..=6).contains(&depth) && rest.starts_with(' ')).then_some(depth)
}

fn says_something(line: &str) -> bool {
    let bare = line.trim_matches(['.', '(', ')', '*', '_', ' ']).to_lowercase();
    !bare.is_empty() && !bare.starts_with("```") && !NOTHING.contains(&bare.as_str())
}
