//! "Did you mean …?": the known word nearest to a mistyped one.

/// The word that `text` was most likely meant to be, if one is near enough to say so.
///
/// Case, and `_` for `-`, make no difference: those are the most common slips.
pub fn nearest<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = plain(text);
    let allowed = (text.len() / 3).clamp(1, 3);
    words
        .into_iter()
        .map(|word| (distance(&text, &plain(word)), word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Longer texts are no slips of a short word, and comparing them would cost their square.
const LONGEST: usize = 40;

fn plain(text: &str) -> Vec<char> {
    let lower = text.chars().take(LONGEST).flat_map(char::to_lowercase);
    lower.map(|c| if c == '_' { '-' } else { c }).collect()
}

/// How many letters have to be added, left out, changed, or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x;
            if swapped {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests;
