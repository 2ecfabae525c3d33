// SPDX-License-Identifier: LGPL-2.1-or-later
//! Enough of JavaScript to see under which conditions a polkit rule says YES. Nothing is evaluated: a rules file is text.
//!
//! What polkit's authors and administrators write are functions with `if`s and `return`s. The conditions around each YES
//! are gathered as tokens; early leaving (`if (action.id != "…") return;`) counts as a condition for what follows.

use std::ops::Range;

/// A longer rules file, or one nested deeper, is not judged.
const TEXT_LIMIT: usize = 64 << 10;
const DEPTH_LIMIT: usize = 64;
/// Of the tokens under which something is granted, over all grants: each condition counts for every YES that it is around.
const WORK_LIMIT: usize = 1 << 20;

#[derive(Debug, PartialEq)]
pub(super) enum Token {
    /// A name, a keyword or a number.
    Word(String),
    /// A string's content. Escapes lose their backslash and nothing else.
    Text(String),
    Regex(String),
    /// One bracket or mark, or a run of the operators `= ! < > & |`.
    Mark(String),
}

impl Token {
    pub(super) fn is_mark(&self, mark: &str) -> bool {
        matches!(self, Self::Mark(own) if own == mark)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }
}

/// Tokens that must hold, or, with `negated`, that must not.
pub(super) struct Condition<'t> {
    pub(super) tokens: &'t [Token],
    pub(super) negated: bool,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    if text.len() > TEXT_LIMIT {
        return Err(format!("it is longer than {} KiB", TEXT_LIMIT >> 10));
    }
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.find("*/").map_or(rest.len(), |end| end + 4)
        } else if matches!(first, '"' | '\'' | '`') || (first == '/' && starts_value(tokens.last())) {
            let (content, length) = quoted(rest, first).ok_or("a string in it does not end")?;
            tokens.push(if first == '/' { Token::Regex(content) } else { Token::Text(content) });
            length
        } else {
            let run = |of: fn(char) -> bool| rest.find(|next: char| !of(next)).unwrap_or(rest.len());
            let (word, operator) = (run(is_word), run(is_operator));
            if word > 0 {
                tokens.push(Token::Word(rest[..word].to_owned()));
                word
            } else if operator > 0 {
                tokens.push(Token::Mark(rest[..operator].to_owned()));
                operator
            } else {
                if !first.is_whitespace() {
                    tokens.push(Token::Mark(first.to_string()));
                }
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

fn is_operator(mark: char) -> bool {
    matches!(mark, '=' | '!' | '<' | '>' | '&' | '|')
}

/// Whether a slash after this token begins a regular expression rather than a division.
fn starts_value(before: Option<&Token>) -> bool {
    match before {
        None => true,
        Some(Token::Mark(mark)) => !matches!(mark.as_str(), ")" | "]" | "}"),
        Some(Token::Word(word)) => word == "return",
        Some(_) => false,
    }
}

/// The content of what starts with a quote, and its length with both quotes.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => content.push(letters.next()?.1),
            // Only a template may go over lines.
            '\n' if quote != '`' => return None,
            _ if letter == quote => return Some((content, at + letter.len_utf8())),
            _ => content.push(letter),
        }
    }
    None
}

/// For each YES of a rules file, the conditions under which it is said.
pub(super) fn grants(tokens: &[Token]) -> Result<Vec<Vec<Condition<'_>>>, String> {
    let mut reader = Reader { tokens, at: 0, depth: 0, conditions: Vec::new(), grants: Vec::new(), work: 0 };
    while reader.at < tokens.len() {
        reader.statements()?;
        // A brace too many.
        reader.at += 1;
    }
    let condition = |(range, negated): (Range<usize>, bool)| Condition { tokens: &tokens[range], negated };
    Ok(reader.grants.into_iter().map(|grant| grant.into_iter().map(condition).collect()).collect())
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
    /// What holds here: ranges of tokens, and whether they are negated.
    conditions: Vec<(Range<usize>, bool)>,
    grants: Vec<Vec<(Range<usize>, bool)>>,
    work: usize,
}

impl Reader<'_> {
    fn mark(&self, mark: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.is_mark(mark))
    }

    fn word(&self, words: &[&str]) -> bool {
        self.tokens.get(self.at).is_some_and(|token| words.iter().any(|word| token.is_word(word)))
    }

    /// Up to a closing brace, which stays. Answers whether the last statement leaves the function.
    fn statements(&mut self) -> Result<bool, String> {
        let before = self.conditions.len();
        let mut leaves = false;
        while self.at < self.tokens.len() && !self.mark("}") {
            leaves = self.statement()?;
        }
        self.conditions.truncate(before);
        Ok(leaves)
    }

    fn statement(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err("it is nested too deeply".to_owned());
        }
        let leaves = if self.mark("{") {
            self.block()
        } else if self.word(&["if", "while", "for", "switch"]) {
            self.conditional()
        } else {
            self.simple()
        };
        self.depth -= 1;
        leaves
    }

    fn block(&mut self) -> Result<bool, String> {
        self.at += 1;
        let leaves = self.statements();
        // It may be missing at the end.
        if self.mark("}") {
            self.at += 1;
        }
        leaves
    }

    fn conditional(&mut self) -> Result<bool, String> {
        let start = self.at;
        let is_if = self.word(&["if"]);
        self.at += 1;
        self.parentheses();
        let condition = start..self.at;
        let before = self.conditions.len();
        self.conditions.push((condition.clone(), false));
        let leaves = self.statement()?;
        self.conditions.truncate(before);
        if self.word(&["else"]) {
            self.at += 1;
            self.conditions.push((condition, true));
            let other = self.statement()?;
            self.conditions.truncate(before);
            return Ok(leaves && other);
        }
        if is_if && leaves {
            self.conditions.push((condition, true));
        }
        Ok(false)
    }

    fn parentheses(&mut self) {
        let mut open = 0;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            if token.is_mark("(") {
                open += 1;
            } else if token.is_mark(")") {
                open -= 1;
            }
            if open <= 0 {
                break;
            }
        }
    }

    /// Up to a semicolon or the brace that closes what is around it. Functions within are read as blocks.
    fn simple(&mut self) -> Result<bool, String> {
        let start = self.at;
        let declares = self.word(&["var", "let", "const"]);
        let (mut returns, mut yes) = (false, false);
        while self.at < self.tokens.len() && !self.mark("}") {
            if self.mark("{") {
                let before = self.conditions.len();
                self.conditions.push((start..self.at, false));
                self.block()?;
                self.conditions.truncate(before);
                continue;
            }
            returns |= self.word(&["return"]);
            // polkit.Result.YES is the string "yes".
            yes |= self.word(&["YES"]) || (returns && self.tokens[self.at] == Token::Text("yes".to_owned()));
            self.at += 1;
            if self.tokens[self.at - 1].is_mark(";") {
                break;
            }
        }
        if yes && !declares {
            self.work += self.conditions.iter().map(|(range, _)| 1 + range.len()).sum::<usize>();
            if self.work > WORK_LIMIT {
                return Err("it says YES too often, under too many conditions".to_owned());
            }
            let mut grant = self.conditions.clone();
            grant.push((start..self.at, false));
            self.grants.push(grant);
        }
        Ok(returns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_closed_ends_with_the_text() {
        let tokens = tokens("if (a) { while (b) { YES; { return YES").unwrap();
        assert_eq!(grants(&tokens).unwrap().len(), 2);
    }

    #[test]
    fn a_file_that_says_yes_very_often_is_not_judged() {
        let often = format!("{}{}", "if(a)return;".repeat(2500), "YES;".repeat(8000));
        let within = format!("if ({}) {{ {} }}", "a ".repeat(15_000), "YES;".repeat(8000));
        for text in [often, within] {
            assert!(grants(&tokens(&text).unwrap()).err().unwrap().contains("too often"));
        }
    }

    #[test]
    fn a_text_is_read_up_to_its_limit() {
        assert!(tokens(&" ".repeat(TEXT_LIMIT)).is_ok());
        for longer in [TEXT_LIMIT + 1, TEXT_LIMIT * 2] {
            assert_eq!(tokens(&" ".repeat(longer)).unwrap_err(), "it is longer than 64 KiB");
        }
    }

    #[test]
    fn only_what_is_nested_counts_as_depth() {
        let read = |text: String| grants(&tokens(&text).unwrap()).map(|grants| grants.len());
        assert_eq!(read("{".repeat(DEPTH_LIMIT)), Ok(0));
        assert_eq!(read("{".repeat(DEPTH_LIMIT + 1)).unwrap_err(), "it is nested too deeply");
        assert_eq!(read("return YES; { }".repeat(DEPTH_LIMIT * 2)), Ok(DEPTH_LIMIT * 2));
    }

    #[test]
    fn words_have_letters_digits_and_two_marks() {
        for word in ["name", "_name", "$name", "a1_$"] {
            assert_eq!(tokens(word).unwrap(), [Token::Word(word.to_owned())], "{word}");
        }
    }
}
