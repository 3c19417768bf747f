//! What two engines may say in different words, and still say the same: each of these has a name and a reason.

/// From what was printed to what is compared.
pub(crate) fn normalise(text: &str) -> String {
    let text = STEPS.iter().fold(text.to_owned(), |text, (_, step)| step(&text));
    text.trim_end_matches('\n').to_owned()
}

type Step = fn(&str) -> String;

/// The name says what is taken away.
const STEPS: [(&str, Step); 6] = [
    ("ids are random", ids),
    ("our program has another name", |text| text.replace("mini-docker", "docker")),
    ("docker has two programs, of which one may tell what the other said", speakers),
    ("docker's runtime stands behind three others", layers),
    ("a newer runc says of a directory that it is one", |text| {
        text.replace(": is a directory: permission", ": permission")
    }),
    ("we give a hint, docker the name of its help", advice),
];

/// Docker's `docker: `, `docker: Error response from daemon: `, `Error: ` and nothing, as the command has it, are our
/// `Error: `.
fn speakers(text: &str) -> String {
    let line = |line: &str| {
        ["docker: ", "Error: ", "Error response from daemon: "]
            .iter()
            .fold(line.to_owned(), |line, speaker| line.strip_prefix(speaker).unwrap_or(&line).to_owned())
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn layers(text: &str) -> String {
    [
        "failed to create task for container: ",
        "failed to create shim task: ",
        "OCI runtime create failed: ",
        "OCI runtime exec failed: ",
        "runc create failed: ",
        "exec failed: ",
        "unable to start container process: ",
        "error during container init: ",
    ]
    .iter()
    .fold(text.to_owned(), |text, layer| text.replace(layer, ""))
}

fn advice(text: &str) -> String {
    let is_advice = |line: &&str| {
        line.starts_with("hint: ")
            || (["Run 'docker ", "See 'docker "].iter().any(|begin| line.starts_with(begin))
                && line.ends_with("--help' for more information"))
    };
    text.split('\n').filter(|line| !is_advice(line)).collect::<Vec<_>>().join("\n")
}

/// 64 hexadecimal digits, or the 12 that stand for them.
fn ids(text: &str) -> String {
    let (mut out, mut word) = (String::new(), String::new());
    for character in text.chars().chain(['\0']) {
        if character.is_ascii_alphanumeric() || character == '_' {
            word.push(character);
            continue;
        }
        let is_id = matches!(word.len(), 12 | 64) && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        out.push_str(if is_id { "ID" } else { &word });
        word.clear();
        out.push(character);
    }
    out.pop();
    out
}

#[test]
fn what_means_the_same_becomes_the_same() {
    let docker = "docker: Error response from daemon: failed to create task for container: failed to create shim task: \
                  OCI runtime create failed: runc create failed: unable to start container process: error during \
                  container init: exec: \"x\": not found\n\nRun 'docker run --help' for more information\n";
    assert_eq!(normalise(docker), "exec: \"x\": not found");
    assert_eq!(normalise("Error: exec: \"x\": not found\nhint: look\n"), "exec: \"x\": not found");
    assert_eq!(normalise("c0ffee123456 and c0ffee12345\n"), "ID and c0ffee12345");
    assert_eq!(normalise("Usage:  mini-docker run\n"), "Usage:  docker run");
}
