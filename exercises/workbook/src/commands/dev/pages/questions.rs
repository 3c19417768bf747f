//! The questions of a chapter: options that are folded, of which one is right, and not always the one in the same place.

use crate::book::contents::Page;

/// How many questions a chapter has at least.
const QUESTIONS: usize = 2;

/// Faults of a chapter's questions.
pub(super) fn faults(pages: &[&Page]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut places = Vec::new();
    for page in pages {
        for question in questions(&page.text) {
            let right: Vec<usize> = (0..question.options.len()).filter(|index| question.options[*index]).collect();
            match *right {
                [place] if question.options.len() > 1 => places.push(place),
                _ => faults.push(format!(
                    "{}: {:?} has {} options, of which {} are right (an answer begins with Yes. or No.)",
                    page.name.display(),
                    question.first,
                    question.options.len(),
                    right.len()
                )),
            }
        }
    }
    if places.len() < QUESTIONS {
        faults.push(format!("{} questions, and a chapter has {QUESTIONS} at least", places.len()));
    }
    for place in 0..4 {
        let count = places.iter().filter(|right| **right == place).count();
        if places.len() >= 4 && count * 2 > places.len() {
            faults.push(format!("of {} right answers {count} stand in place {}: mix them", places.len(), place + 1));
        }
    }
    faults
}

/// A question, as the options below it show it.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    /// The summary of the first option.
    first: String,
    /// Whether each option is right.
    options: Vec<bool>,
}

/// Options that follow each other are one question's; what is folded and answers nothing is none.
fn questions(text: &str) -> Vec<Question> {
    let mut found: Vec<Question> = Vec::new();
    let mut follows = false;
    let mut rest = text;
    while let Some(at) = rest.find("<details") {
        follows &= rest[..at].trim().is_empty();
        let block = &rest[at..];
        let end = block.find("</details>").map_or(block.len(), |end| end + "</details>".len());
        if let Some((summary, is_right)) = option(&block[..end]) {
            match found.last_mut() {
                Some(question) if follows => question.options.push(is_right),
                _ => found.push(Question { first: summary.to_owned(), options: vec![is_right] }),
            }
            follows = true;
        } else {
            follows = false;
        }
        rest = &block[end..];
    }
    found
}

/// What a folded block offers, and whether it is right, if it is an option.
fn option(block: &str) -> Option<(&str, bool)> {
    let (summary, answer) = block.split_once("<summary>")?.1.split_once("</summary>")?;
    let word: String = answer.trim_start().trim_start_matches('*').chars().take_while(|c| c.is_alphabetic()).collect();
    match word.as_str() {
        "Yes" => Some((summary.trim(), true)),
        "No" => Some((summary.trim(), false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(rights: &[usize]) -> String {
        let option = |right: bool| {
            format!("<details><summary>o</summary>\n\n{}. So.\n\n</details>\n", if right { "Yes" } else { "No" })
        };
        let question = |right: &usize| (0..3).map(|place| option(place == *right)).collect::<String>();
        rights.iter().map(|right| "**Why?**\n\n".to_owned() + &question(right) + "\ntext\n").collect()
    }

    fn of(text: &str) -> Vec<String> {
        let page = Page { name: "page.md".into(), text: text.to_owned() };
        faults(&[&page])
    }

    #[test]
    fn right_answers_stand_in_mixed_places() {
        assert_eq!(of(&asked(&[0, 1, 1, 2])), Vec::<String>::new());
        assert_eq!(of(&asked(&[1, 1])), Vec::<String>::new());
        assert_eq!(of(&asked(&[1, 1, 1, 2])), ["of 4 right answers 3 stand in place 2: mix them"]);
        assert_eq!(of(&asked(&[1])), ["1 questions, and a chapter has 2 at least"]);
    }

    #[test]
    fn one_answer_is_right_and_what_is_folded_besides_is_no_question() {
        let folded = "<details><summary>More</summary>\n\nYesterday.\n\n</details>\n";
        assert_eq!(questions(folded), []);
        let none = asked(&[3]) + &asked(&[0, 1]) + folded;
        assert_eq!(
            of(&none),
            ["page.md: \"o\" has 3 options, of which 0 are right (an answer begins with Yes. or No.)"]
        );
    }
}
