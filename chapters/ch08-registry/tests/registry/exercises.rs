//! What judges the chapter's exercises. The registry is in memory: nothing has to be installed.

use std::cmp::Ordering;
use std::fs;

use images::Digest;
use registry::parse_challenges;
use testkit::judge;

use crate::support::faults::{Asked, Fault};
use crate::support::fixture::{Home, said};
use crate::support::server::{PASSWORD, USER};
use crate::support::shelf::{BULK, Shelf};

const READ_VERIFY: &str = "ch08-registry, \"A burglar in the registry\"";
const READ_RESUME: &str = "ch08-registry, \"Half a layer\"";
const READ_CHALLENGE: &str = "ch08-registry, \"A question with commas in it\"";
const READ_REDIRECT: &str = "ch08-registry, \"Sent elsewhere\"";

/// Where the proxy cuts.
const HALF: usize = BULK / 2;

/// `a%2Fb` is `a/b`.
fn plain(query: &str) -> String {
    [("%3A", ":"), ("%2F", "/"), ("%2C", ","), ("%20", " "), ("%22", "\"")]
        .iter()
        .fold(query.to_owned(), |text, (code, letter)| text.replace(code, letter))
}

/// What the token server is asked when a registry has answered with these challenges.
fn asked_for_token(challenges: &str) -> String {
    let (shelf, home) = (Shelf::with_tokens(), Home::new());
    let realm = format!("http://{}/token", shelf.proxy.address);
    let challenges = challenges.replace("TOKENS", &realm).replace('\n', "\nWWW-Authenticate: ");
    let text = format!("401 Unauthorized\nWWW-Authenticate: {challenges}\n\n");
    shelf.proxy.spoil("/tags/list", 1, Fault::Instead(text));
    let client = home.client();
    let outcome = client.registry(&shelf.proxy.address).expect("a registry").tags("box");
    let asked = shelf.proxy.asked().into_iter().find(|asked| asked.path.starts_with("/token"));
    match (asked, outcome) {
        (Some(asked), _) => plain(asked.path.split_once('?').map_or("", |(_, query)| query)),
        (None, Err(error)) => format!("it was not asked: {}", said(error).replace(&shelf.proxy.address, "REGISTRY")),
        (None, Ok(_)) => "it was not asked".into(),
    }
}

#[test]
fn the_token_server_is_asked_for_what_the_registry_wants_to_see() {
    let all = "service=shelf&scope=repository:box:pull&scope=repository:base:pull,push";
    let short = "service=shelf&scope=repository:box:pull";
    let wanted = r#"realm="TOKENS",service="shelf",scope="repository:base:pull,push""#;
    let cases = [
        (
            r#"Bearer realm="TOKENS",service="shelf""#.into(),
            short,
            "schemes and names are kept in small letters, values as they are and without their quotes",
        ),
        (format!("Bearer {wanted}"), all, "a comma in quotes is a letter like others: it ended the scope"),
        (
            r#"Bearer realm="TOKENS",service="a \"shelf\", with commas""#.into(),
            "service=a \"shelf\", with commas&scope=repository:box:pull",
            "in quotes, a letter after \\ means itself, and a comma means nothing",
        ),
        (
            format!("Basic realm=\"a, b\", Bearer {wanted}"),
            all,
            "one header may have several challenges: after a comma a word with a space behind it begins the next",
        ),
        (format!("Negotiate, Bearer {wanted}"), all, "a challenge may be a word, and nothing else"),
        (format!("Basic realm=\"shelf\"\nBearer {wanted}"), all, "there may be several headers"),
        (
            r#"BEARER REALM="TOKENS" , Service=shelf"#.into(),
            short,
            "names are the same in small letters and in capital ones, and spaces around commas mean nothing",
        ),
        (
            "Bearer realm = \"TOKENS\",\tservice\t=\tshelf".into(),
            short,
            "there may be spaces and tabs around =, and a value need not stand in quotes",
        ),
        (
            r#"Bearer =, realm="TOKENS", ;, service="shelf""#.into(),
            short,
            "what cannot be read is skipped up to the next comma, and the rest counts",
        ),
    ];
    for (challenges, expected, cause) in cases {
        judge(&format!("what the token server hears when a registry says {}", challenges.replace('\n', " and then ")))
            .expected(expected.to_owned())
            .seen(asked_for_token(&challenges))
            .cause(|_| cause.into())
            .read(READ_CHALLENGE);
    }
    let direct = [
        ("Basic", "basic", "a challenge may be a word, and nothing else"),
        ("Negotiate, Basic realm=x", "negotiate; basic realm=x", "a challenge may be a word, and nothing else"),
        ("Bearer =x, realm=y", "bearer realm=y", "what has no name is no parameter"),
        ("Basic;x, Bearer realm=y", "bearer realm=y", "behind a scheme come spaces, a comma, or the end"),
    ];
    for (header, expected, cause) in direct {
        judge(&format!("what is read of {header:?}"))
            .expected(expected.to_owned())
            .seen(shown(header))
            .cause(|_| cause.into())
            .read(READ_CHALLENGE);
    }
}

fn shown(header: &str) -> String {
    let challenges = parse_challenges(header).into_iter().map(|challenge| {
        let parameters = challenge.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
        parameters.fold(challenge.scheme, |all, one| all + &one)
    });
    challenges.collect::<Vec<_>>().join("; ")
}

/// The layer as it is here: nothing, the right bytes, or others.
fn published(home: &Home, layer: &Digest) -> &'static str {
    match fs::read(home.path().join("data/images/blobs/sha256").join(layer.hex())) {
        Err(_) => "nothing",
        Ok(bytes) if Digest::of(&bytes) == *layer => "the layer",
        Ok(_) => "other bytes, under the layer's name",
    }
}

#[test]
fn a_flipped_byte_is_not_published() {
    let (shelf, home) = (Shelf::open(), Home::new());
    shelf.proxy.spoil(&shelf.layer_line(), 1, Fault::Flip(HALF));
    let error = home.pull(&shelf.name()).map_or_else(said, |_| "an image".to_owned());
    judge("what is here of a layer of which one byte was another")
        .expected("nothing")
        .seen(published(&home, &shelf.layer))
        .cause(|_| {
            if error.contains("has the digest") {
                "it was compared when it was already there: between the two anybody can use it".into()
            } else {
                "as many bytes came as were promised, and nobody looked whether they are the ones".into()
            }
        })
        .read(READ_VERIFY);
    judge("the pull of an image of which one byte was another")
        .expected(true)
        .seen(error.contains("has the digest"))
        .cause(|_| format!("it should end with the digest that came; it ended with: {error}"))
        .read(READ_VERIFY);
    let again = home.pull(&shelf.name()).map_or_else(said, |_| "an image".to_owned());
    judge("the next pull, of right bytes")
        .expected("an image".to_owned())
        .seen(again)
        .cause(|_| "the wrong bytes are still there, and whoever asks again is given the same ones".into())
        .read(READ_VERIFY);
    assert_eq!(published(&home, &shelf.layer), "the layer");
}

/// A pull that is cut in the middle of the layer, and goes on with this fault; and from where the layer was asked for.
fn resumed(fault: Option<Fault>) -> (Result<(), String>, Vec<String>) {
    let (shelf, home) = (Shelf::open(), Home::new());
    shelf.proxy.spoil(&shelf.layer_line(), 1, Fault::Cut(HALF));
    if let Some(fault) = fault {
        shelf.proxy.spoil(&shelf.layer_line(), 1, fault);
    }
    let pulled = home.pull(&shelf.name()).map(|_| ()).map_err(said);
    let of_layer = |asked: &Asked| asked.path.ends_with(&shelf.layer.to_string()) && asked.method == "GET";
    let from = |asked: Asked| asked.header("range").unwrap_or("all").to_owned();
    (pulled, shelf.proxy.asked().into_iter().filter(of_layer).map(from).collect())
}

#[test]
fn what_was_cut_goes_on_whatever_the_server_makes_of_it() {
    let from = |first: usize| format!("bytes={first}-");
    let (rest, later) = (from(HALF), from(HALF + BULK / 4));
    let (all, rest, later) = ("all", rest.as_str(), later.as_str());
    let cases: [(&str, Option<Fault>, &[&str]); 5] = [
        ("206 with the rest", None, &[all, rest]),
        ("206 with the rest, which is cut, too", Some(Fault::Cut(BULK / 4)), &[all, rest, later]),
        ("200 with all of it", Some(Fault::WholeUnmeasured), &[all, rest]),
        ("206 with all of it", Some(Fault::FromStart), &[all, rest, all]),
        ("206 with bytes that are called others", Some(Fault::WrongRange), &[all, rest, all]),
    ];
    for (what, fault, asked) in cases {
        let (outcome, seen) = resumed(fault);
        judge(&format!("a pull that was cut after {HALF} bytes and is answered with {what}"))
            .expected(Ok(()))
            .seen(outcome)
            .cause(|seen| {
                let error = seen.as_ref().err().map_or("", String::as_str);
                if error.contains("has the digest") {
                    "the answer begins somewhere else, and was written behind what was here"
                } else if error.contains("more than the") {
                    "all of it comes, and what was here was not given up: restart() does that"
                } else if error.contains("are missing") {
                    "the answer begins somewhere else than was asked: its status and Content-Range say where"
                } else if error.contains("does not go on") {
                    "the same was asked for again: *whole = true asks for all of it, and Ended::Broken goes on with that"
                } else {
                    "unknown"
                }
                .into()
            })
            .read(READ_RESUME);
        judge(&format!("what was asked for, when the answer was {what}"))
            .expected(asked.to_vec())
            .seen(seen.iter().map(String::as_str).collect())
            .cause(|seen| {
                match seen.len().cmp(&asked.len()) {
                    Ordering::Greater => "what came was right, and it was asked for once more",
                    Ordering::Equal if !asked.ends_with(&["all"]) => {
                        "it could begin there: *whole = true is for a server that cannot"
                    }
                    Ordering::Equal => "who cannot begin there says the same again: *whole = true asks for all of it",
                    Ordering::Less => "the answer says that its bytes are others, and they were taken for the rest",
                }
                .into()
            })
            .read(READ_RESUME);
    }
}

/// What a server of the image's registry, or another one, hears when the registry sends us there: the key, and from where on.
fn heard_at(another: bool) -> (bool, Option<String>) {
    let (front, elsewhere, home) = (Shelf::locked(), Shelf::open(), Home::new());
    home.client().login(&front.proxy.address, USER, PASSWORD).expect("the right password");
    let to = if another { &elsewhere.proxy } else { &front.proxy };
    // So that there is something to go on with.
    front.proxy.spoil(&front.layer_line(), 1, Fault::Cut(HALF));
    let text = format!("307 Temporary Redirect\nLocation: http://{}/moved/{}\n\n", to.address, front.layer);
    front.proxy.spoil(&front.layer_line(), 1, Fault::Instead(text));
    let outcome = home.pull(&front.name()).map(|_| ()).map_err(said);
    let there = to.asked().into_iter().find(|asked| asked.path.starts_with("/moved/"));
    let there = there.unwrap_or_else(|| panic!("nobody came: {outcome:?}"));
    (there.header("authorization").is_some(), there.header("range").map(str::to_owned))
}

#[test]
fn who_is_sent_elsewhere_takes_the_question_along_and_leaves_the_key() {
    let rest = Some(format!("bytes={HALF}-"));
    let forgotten = "where to go on was forgotten: only the key is for one server and no other";
    judge("whether a server that the registry sends us to hears the key, and from which byte on")
        .expected((false, rest.clone()))
        .seen(heard_at(true))
        .cause(|seen| {
            match seen {
                (true, _) => "the second server has it in its log: it is at another port, and may belong to anybody",
                (false, _) => forgotten,
            }
            .into()
        })
        .read(READ_REDIRECT);
    judge("the same when the registry sends us to another path of its own")
        .expected((true, rest))
        .seen(heard_at(false))
        .cause(|seen| {
            match seen {
                (false, _) => "it is the same server, whom the key is for, and without it he does not open",
                (true, _) => forgotten,
            }
            .into()
        })
        .read(READ_REDIRECT);
}
