//! What people see of the command line: the reference, tables, scripts for shells, manual pages, colours.

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{Docker, Said};
use mini_docker::cli;
use testkit::{Host, Need, kernel_test, native_test, require};

/// Without a data root: commands that need none.
fn plain(arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mini-docker"));
    command.env_clear().args(arguments).stdin(Stdio::null()).output().expect("mini-docker starts").into()
}

/// The long help of a command and of all below it.
fn reference(command: &mut clap::Command, path: &str, text: &mut Vec<String>) {
    // A terminal of any width must give the same.
    let mut sized = command.clone().term_width(100);
    text.push(format!("## {path}\n\n{}", sized.render_long_help()));
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        let sub = command.find_subcommand_mut(name).expect("a command that was listed");
        reference(sub, &format!("{path} {name}"), text);
    }
}

#[test]
fn the_whole_reference() {
    let mut cli = cli::tree();
    cli.build();
    let mut text = Vec::new();
    reference(&mut cli, "mini-docker", &mut text);
    insta::assert_snapshot!(trimmed(&text.join("\n\n")));
}

#[test]
fn the_reference_can_be_true() {
    cli::tree().debug_assert();
}

#[test]
fn the_version_is_the_packages() {
    let version = env!("CARGO_PKG_VERSION");
    let said = plain(&["version"]);
    assert_eq!(said.code, Some(0));
    let words: Vec<&str> = said.stdout.split_whitespace().collect();
    assert_eq!(words[..3], ["mini-docker", "Version:", version]);
    assert_eq!(plain(&["--version"]).stdout, format!("mini-docker {version}\n"));
    let json: serde_json::Value = serde_json::from_str(&plain(&["version", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(json["Client"]["Version"], version);
}

#[test]
fn usage_errors_are_dockers() {
    let complaints = [&["nosuch"][..], &["run"], &["run", "--nosuch", "busybox"], &["import", "file"], &["image"]]
        .map(|line| format!("$ mini-docker {}\n{}", line.join(" "), plain(line).complaint()));
    insta::assert_snapshot!(complaints.join("\n\n"));
}

#[test]
fn an_empty_data_root_is_refused_like_any_value_of_a_flag() {
    let said = plain(&["--root", "", "images"]);
    let usage = "Usage:  mini-docker [OPTIONS] COMMAND [ARG...]\n\nRun 'mini-docker --help' for more information\n";
    let complaint = format!("invalid argument \"\" for \"--root\" flag: it is empty\n\n{usage}");
    assert_eq!((said.stderr, said.code), (complaint, Some(125)));
}

#[test]
fn completion_scripts_are_scripts() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = plain(&["completion", shell]);
        assert_eq!(said.code, Some(0), "{shell}: {}", said.stderr);
        let asks = ["bash", "zsh", "fish"].contains(&shell);
        assert!(said.stdout.contains("mini-docker"), "{shell}");
        assert!(said.stdout.contains(if asks { "__complete" } else { "memory-swap" }), "{shell}");
    }
    let script = plain(&["completion", "bash"]).stdout;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().expect("bash starts");
    bash.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("bash reads");
    assert!(bash.wait().expect("an end").success());
}

#[test]
fn every_command_has_a_manual_page() {
    let scratch = Scratch::new("man");
    let said = plain(&["man", &scratch.0.display().to_string()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let mut pages: Vec<String> = fs::read_dir(&scratch.0)
        .expect("the directory")
        .map(|page| page.expect("a page").file_name().to_string_lossy().into_owned())
        .collect();
    pages.sort();
    insta::assert_snapshot!(pages.join("\n"));
    let page = fs::read_to_string(scratch.0.join("mini-docker-run.1")).expect("a page");
    assert!(page.contains(".SH SYNOPSIS") && page.contains("memory\\-swap"), "{page}");
}

/// A directory that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mini-docker-cli-{}-{name}", std::process::id()));
        fs::create_dir(&path).expect("a new directory");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Without blanks at the ends of lines.
fn trimmed(text: &str) -> String {
    text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// An archive with one file, by GNU tar, always the same.
fn archive(host: &Host, name: &str, content: &str) -> PathBuf {
    require(Need::Program("tar", "tar"));
    let tree = host.dir().join(format!("{name}-tree"));
    fs::create_dir_all(&tree).expect("a directory");
    fs::write(tree.join("file"), content).expect("a file");
    let path = host.dir().join(format!("{name}.tar"));
    let status = Command::new("tar")
        .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-cf"])
        .arg(&path)
        .arg("-C")
        .arg(&tree)
        .arg(".")
        .status()
        .expect("tar starts");
    assert!(status.success());
    path
}

fn layers(docker: &Docker) -> usize {
    fs::read_dir(docker.root().join("layers")).expect("the layers").count()
}

fn import(docker: &Docker, archive: &Path, name: &str) -> String {
    docker.ok(&["import", &archive.display().to_string(), name]).trim_end().to_owned()
}

native_test! {
    fn tables_of_no_one_and_several_images(host) {
        let docker = Docker::at(&host.dir().join("data"));
        let mut text = vec![docker.ok(&["image", "ls"]), docker.ok(&["images", "-q"])];
        let big = archive(host, "big", &"x".repeat(1_500_000));
        let small = archive(host, "small", "small");
        import(&docker, &small, "small");
        text.push(docker.ok(&["image", "ls"]));
        import(&docker, &big, "registry.example.com:5000/team/a-rather-long-name:1.2");
        import(&docker, &big, "small:old");
        text.extend([docker.ok(&["images"]), docker.ok(&["images", "small"]), docker.ok(&["images", "small:old"])]);
        for flag in ["nosuch", "-q", "--no-trunc"] {
            text.push(docker.ok(&["images", flag]));
        }
        let mut settings = insta::Settings::clone_current();
        settings.add_filter("sha256:[0-9a-f]{64}", "sha256:(64 digits)");
        settings.add_filter("[0-9a-f]{12}", "(12 digits)");
        settings.add_filter("(Less than a second|About a minute|[0-9]+ seconds?) ago", "(time) ago");
        // How wide a column is depends on the time, too.
        settings.add_filter(" {2,}", "  ");
        let text: Vec<String> = text.iter().map(|table| trimmed(table)).collect();
        settings.bind(|| insta::assert_snapshot!(text.join("\n---\n")));
    }

    fn columns_stand_below_their_headings(host) {
        let docker = Docker::at(&host.dir().join("data"));
        let id = import(&docker, &archive(host, "small", "small"), "registry.example.com:5000/team/a-rather-long-name");
        let table = docker.ok(&["images"]);
        let (heading, line) = table.trim_end().split_once('\n').expect("two lines");
        assert_eq!(heading.find("IMAGE ID"), line.find(&id["sha256:".len()..][..12]), "{table}");
        assert_eq!(heading.find("TAG"), line.find("latest"), "{table}");
        assert_eq!(heading.find("SIZE"), line.find("5B"), "{table}");
    }

    fn archives_are_read_plain_compressed_and_from_a_pipe(host) {
        require(Need::Program("gzip", "gzip"));
        let docker = Docker::at(&host.dir().join("data"));
        let plain = archive(host, "one", "content");
        let gzip = host.dir().join("one.tar.gz");
        let status = Command::new("gzip").arg("-c").arg(&plain).stdout(File::create(&gzip).expect("a file")).status();
        assert!(status.expect("gzip starts").success());
        let id = import(&docker, &plain, "plain");
        assert!(id.len() == 71 && id.starts_with("sha256:"), "{id}");
        import(&docker, &gzip, "gzip");
        let mut piped = docker.command();
        let piped = piped.args(["import", "-", "piped"]).stdin(File::open(&gzip).expect("the archive")).output();
        assert_eq!(Said::from(piped.expect("mini-docker starts")).code, Some(0));
        let config = |name: &str| {
            let table = fs::read(docker.root().join("images/images.json")).expect("the table");
            let names: serde_json::Value = serde_json::from_slice(&table).expect("JSON");
            let named = &names["references"][format!("docker.io/library/{name}:latest")]["image"];
            let id = named.as_str().expect(name).trim_start_matches("sha256:");
            let bytes = fs::read(docker.root().join("images/blobs/sha256").join(id)).expect("the image");
            serde_json::from_slice::<serde_json::Value>(&bytes).expect("JSON")["rootfs"].clone()
        };
        assert_eq!(config("plain"), config("gzip"), "a layer is named by its content, not by its compression");
        assert_eq!(config("plain"), config("piped"));
    }

    fn images_share_their_layers(host) {
        let docker = Docker::at(&host.dir().join("data"));
        let (one, other) = (archive(host, "one", "content"), archive(host, "other", "more"));
        import(&docker, &one, "first");
        let before = layers(&docker);
        import(&docker, &one, "second");
        assert_eq!(layers(&docker), before, "the same archive again");
        import(&docker, &other, "third");
        assert!(layers(&docker) > before, "another archive");
    }

    fn a_name_moves_and_the_image_stays(host) {
        let docker = Docker::at(&host.dir().join("data"));
        let first = import(&docker, &archive(host, "one", "content"), "web");
        let second = import(&docker, &archive(host, "other", "more"), "web");
        let table = docker.ok(&["images", "--no-trunc"]);
        let of = |id: &str| table.lines().find(|line| line.contains(id)).expect("a line").split_whitespace().next();
        assert_eq!((of(&first), of(&second)), (Some("<none>"), Some("web")));
    }

    fn a_link_named_docker_is_docker(host) {
        require(Need::Busybox);
        require(Need::Overlay);
        let link = host.dir().join("docker");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mini-docker"), &link).expect("a link");
        let said = |arguments: &[&str]| {
            let mut command = Command::new(&link);
            command.arg("--root").arg(host.dir().join("data")).args(arguments).env_clear().stdin(Stdio::null());
            Said::from(command.output().expect("docker starts"))
        };
        assert_eq!(said(&["image", "bootstrap", "busybox"]).code, Some(0));
        let printed = said(&["run", "--rm", "busybox", "echo", "there"]);
        assert_eq!((printed.stdout.as_str(), printed.code), ("there\n", Some(0)), "{}", printed.stderr);
        assert_eq!(said(&["run", "-d", "--name", "web", "busybox", "sleep", "1000"]).code, Some(0));
        assert_eq!(said(&["exec", "web", "echo", "there"]).stdout, "there\n");
        assert_eq!(said(&["rm", "-f", "web"]).code, Some(0));
        for arguments in [&["--help"][..], &["run", "--help"], &["container", "cp", "--help"], &["container", "--help"]] {
            let text = said(arguments).stdout;
            let usage = text.lines().filter(|line| line.starts_with("Usage:") || line.starts_with('\t'));
            assert!(usage.clone().count() > 0, "{text}");
            usage.for_each(|line| assert!(line.contains("docker ") && !line.contains("mini-docker"), "{line}"));
        }
        for arguments in [&["nosuch"][..], &["run"], &["run", "--nosuch"], &["inspect", "nosuch"]] {
            let complaint = said(arguments).stderr;
            assert!(!complaint.contains("mini-docker"), "{complaint}");
        }
        assert!(said(&["completion", "bash"]).stdout.contains("-F _docker docker\n"));
    }

    /// As somebody types it and presses the tabulator: bash itself is asked.
    fn names_are_completed_in_bash(host) {
        let docker = Docker::new(host);
        docker.ok(&["import", "/dev/null", "web/one:v1"]);
        docker.ok(&["create", "--name", "web-stopped", "busybox", "true"]);
        docker.ok(&["run", "-d", "--network", "none", "--name", "web-runs", "busybox", "sleep", "1000"]);
        let script = host.dir().join("completion");
        fs::write(&script, docker.ok(&["completion", "bash"])).expect("a script");
        let press = |typed: &str| {
            let press = r#"
                source "$1"
                PATH=$2:$PATH
                COMP_LINE="mini-docker $3" COMP_POINT=$((${#3} + 12)) COMP_TYPE=9 COMP_KEY=9
                # As bash cuts it by COMP_WORDBREAKS.
                read -ra COMP_WORDS <<<"$(sed 's/[:=]/ & /g' <<<"$COMP_LINE")"
                [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=("")
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                _mini_docker mini-docker "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
                echo "${COMPREPLY[@]}""#;
            let binaries = std::path::Path::new(env!("CARGO_BIN_EXE_mini-docker")).parent().expect("a directory");
            let mut bash = Command::new("bash");
            bash.args(["-c", press, "bash"]).arg(&script).arg(binaries).arg(typed).env("MINI_DOCKER_ROOT", docker.root());
            let said = Said::from(bash.stdin(Stdio::null()).output().expect("bash starts"));
            assert_eq!(said.stderr, "", "{typed}");
            said.stdout.trim().to_owned()
        };
        for (typed, expected) in [
            ("exec we", "web-runs"),
            ("stop ", "web-runs"),
            ("start we", "web-stopped"),
            ("rm we", "web-runs web-stopped"),
            ("container rm web-runs we", "web-runs web-stopped"),
            ("run --rm bus", "busybox:latest"),
            ("run --rm busybox:la", "latest"),
            ("run web/one:", "v1"),
            ("run web/one:v1 we", ""),
            ("exec web-runs we", ""),
            ("exec -u root web-r", "web-runs"),
            ("cp web-r", "web-runs:"),
            ("--root /nowhere rm ", ""),
            ("run --volumes-from web-s", "web-stopped"),
            ("comm", "commit"),
            ("container upd", "update"),
            ("logs --fol", "--follow"),
        ] {
            assert_eq!(press(typed), expected, "{typed:?}");
        }
        docker.ok(&["rm", "-f", "web-runs", "web-stopped"]);
    }

    fn a_reader_that_leaves_is_no_error(host) {
        let docker = Docker::at(&host.dir().join("data"));
        for arguments in ["images", "image ls", "version", "completion bash", "info", "--help", "run --help"] {
            let (reader, writer) = nix::unistd::pipe().expect("a pipe");
            drop(reader);
            let mut command = docker.command();
            command.args(arguments.split(' ')).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
            let said = Said::from(command.spawn().and_then(Child::wait_with_output).expect("mini-docker starts"));
            assert_eq!((said.stderr.as_str(), said.code), ("", Some(0)), "{arguments}");
        }
    }

    fn colours_are_for_terminals_and_can_be_refused(host) {
        require(Need::Program("script", "bsdutils"));
        let docker = Docker::at(&host.dir().join("data"));
        let on_a_terminal = |environment: &str| {
            let binary = env!("CARGO_BIN_EXE_mini-docker");
            let line = format!("env {environment} {binary} --root {} run nosuch true", docker.root().display());
            let mut script = Command::new("script");
            script.env_clear().env("PATH", "/usr/bin:/bin").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
            let output = script.output().expect("script starts");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let coloured = on_a_terminal("TERM=xterm");
        assert!(coloured.contains("\u{1b}[") && coloured.contains("Error:"), "{coloured:?}");
        let refused = on_a_terminal("TERM=xterm NO_COLOR=1");
        assert!(!refused.contains("\u{1b}[") && refused.contains("Error:"), "{refused:?}");
        assert!(!docker.run(&["run", "nosuch", "true"]).stderr.contains('\u{1b}'), "a pipe is no terminal");
    }
}

kernel_test! {
    fn containers_started_at_once_do_not_remove_each_other(host) {
        let docker = Docker::new(host);
        let children: Vec<_> = (0..24)
            .map(|_| {
                let mut command = docker.command();
                command.args(["run", "--rm", "busybox", "true"]).stdin(Stdio::null()).stderr(Stdio::piped());
                command.spawn().expect("mini-docker starts")
            })
            .collect();
        for child in children {
            let said = Said::from(child.wait_with_output().expect("an end"));
            assert_eq!((said.stderr.as_str(), said.code), ("", Some(0)));
        }
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }
}
