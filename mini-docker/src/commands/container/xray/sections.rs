//! The sections of the page, in the order in which a container is built: namespaces, processes, users, rights, control groups,
//! files, mounts, network.

use confinement::{Capabilities, Privileges, SeccompMode};
use engine::xray::{Files, MountSeen, Mounts, NamespaceSeen, Network, Rights, Xray};
use engine::{Status, human_size};
use namespaces::IdRange;

use super::page::{Cell, Look, Page, look, plain, remark, short};

mod groups;

/// So many lines of one kind.
const MOST: usize = 20;

pub(super) fn page(xray: &Xray) -> String {
    let mut page = Page::default();
    head(&mut page, xray);
    if xray.namespaces.is_empty() {
        groups::left(&mut page, &xray.cgroups);
        files(&mut page, &xray.files);
        return page.finish();
    }
    namespaces(&mut page, xray);
    processes(&mut page, xray);
    users(&mut page, xray);
    xray.rights.iter().for_each(|rights| self::rights(&mut page, rights));
    groups::groups(&mut page, &xray.cgroups);
    files(&mut page, &xray.files);
    xray.mounts.iter().for_each(|mounts| self::mounts(&mut page, mounts));
    xray.network.iter().for_each(|network| self::network(&mut page, network));
    page.finish()
}

fn head(page: &mut Page, xray: &Xray) {
    let about = format!("{}  {}  image {}", xray.id.get(..12).unwrap_or_default(), xray.status, xray.image);
    page.heading(&xray.name, &about);
    match xray.status {
        Status::Paused => page.remark("Paused: its processes are all there, and none of them gets a processor."),
        Status::Created => page.remark("Never started: there is a record of it, and nothing in the kernel."),
        Status::Restarting => page.remark("Between two lives: its program has ended, and will be started again."),
        Status::Exited => page.remark(&format!(
            "Its program has ended ({}): namespaces, mounts, network and processes went with it. What is left:",
            xray.exit_code
        )),
        Status::Running if xray.namespaces.is_empty() => page.remark("It ended just now."),
        Status::Running => {}
    }
}

fn namespaces(page: &mut Page, xray: &Xray) {
    page.heading("NAMESPACES", "equal numbers are one namespace; docker gives a container six of its own");
    let mut rows = vec![["", "host", "container"].map(remark).to_vec()];
    for seen in &xray.namespaces {
        let cell = if seen.shared { look(Look::Equal, "= host's") } else { plain(seen.container) };
        rows.push(vec![plain(seen.kind), plain(seen.host), cell, remark(meaning(seen, xray))]);
    }
    page.table(&rows);
}

fn meaning(seen: &NamespaceSeen, xray: &Xray) -> String {
    let text = match (seen.kind, seen.shared) {
        ("cgroup", false) => "its group looks like the top of the tree".into(),
        ("cgroup", true) => "it sees where in the host's tree it is".into(),
        ("ipc", false) => "own shared memory and message queues".into(),
        ("ipc", true) => "it can reach the host's shared memory".into(),
        ("mnt", false) => "own tree of mounts".into(),
        ("net", false) => "own devices, addresses, routes and ports".into(),
        ("net", true) => "the host's devices and ports are its own".into(),
        ("pid", false) => format!("own numbers: pid 1 inside is {} outside", xray.pid),
        ("pid", true) => "it sees every process of the host".into(),
        ("time", true) => "its clocks are the host's".into(),
        ("user", false) => match xray.users.iter().find_map(|range| (range.inside == 0).then_some(range.outside)) {
            Some(outside) => format!("root inside is user {outside} outside"),
            None => "no user inside is root".into(),
        },
        ("user", true) => "root inside is root outside, with fewer rights".into(),
        ("uts", false) => "own host name".into(),
        ("uts", true) => "the host's name is its own".into(),
        _ => String::new(),
    };
    let with = match seen.shared_with.as_slice() {
        [] => return text,
        [one] => one.clone(),
        [one, others @ ..] => format!("{one} and {} more", others.len()),
    };
    format!("shared with {with}; {text}")
}

fn processes(page: &mut Page, xray: &Xray) {
    let processes = &xray.processes;
    let shim = processes.list.iter().find(|process| process.host_pid == xray.pid).map(|process| process.host_parent);
    let parent = shim.map(|pid| format!("; the parent of the first is the shim, {pid} outside")).unwrap_or_default();
    let shared = xray.namespaces.iter().any(|seen| seen.kind == "pid" && seen.shared);
    let numbers = if shared { "a process has the host's number" } else { "one process has two numbers" };
    page.heading("PROCESSES", &format!("{numbers}{parent}"));
    let mut rows = vec![["pid out", "pid in", "user out", "user in", "state", "command"].map(remark).to_vec()];
    for process in processes.list.iter().take(MOST) {
        let number = |number: Option<String>| number.map_or_else(|| remark("-"), plain);
        let inside = process.container_user.map(|user| user.to_string());
        let user = if process.container_user == Some(process.host_user) {
            look(Look::Equal, format!("= {}", process.host_user))
        } else {
            number(inside)
        };
        let state = process.state.split(['(', ')']).nth(1).unwrap_or(&process.state);
        let more = if process.has_more_rights { "(more rights than pid 1) " } else { "" };
        rows.push(vec![
            plain(process.host_pid),
            number(process.container_pid.map(|pid| pid.to_string())),
            plain(process.host_user),
            user,
            plain(state),
            look(if more.is_empty() { Look::Plain } else { Look::Bad }, format!("{more}{}", process.command)),
        ]);
    }
    page.table(&rows);
    and_more(page, processes.total, rows.len() - 1);
}

fn and_more(page: &mut Page, total: usize, shown: usize) {
    if total > shown {
        page.remark(&format!("and {} more", total - shown));
    }
}

fn users(page: &mut Page, xray: &Xray) {
    page.heading("USER IDS", "which user outside a user inside is: for files, signals and the kernel");
    let line = |what: &str, range: &IdRange| {
        let last = |first: u32| u64::from(first) + u64::from(range.count) - 1;
        let inside = format!("{} to {}", range.inside, last(range.inside));
        let outside = if range.inside == range.outside {
            look(Look::Equal, "= the same outside")
        } else {
            plain(format!("are {} to {} outside", range.outside, last(range.outside)))
        };
        vec![plain(what), plain(inside), outside]
    };
    let users = xray.users.iter().filter(|range| range.count > 0).map(|range| line("users", range));
    let groups = xray.groups.iter().filter(|range| range.count > 0).map(|range| line("groups", range));
    page.table(&users.chain(groups).take(MOST).collect::<Vec<_>>());
}

fn rights(page: &mut Page, rights: &Rights) {
    page.heading("RIGHTS", "of pid 1; on the host, root has all of them");
    let (host, container) = (&rights.host, &rights.container);
    let count = |capabilities: Capabilities| format!("{} capabilities", capabilities.len());
    let filters = |privileges: &Privileges| match privileges.seccomp {
        SeccompMode::Disabled => "off".to_owned(),
        SeccompMode::Strict => "strict".to_owned(),
        SeccompMode::Filter if privileges.seccomp_filters == 1 => "1 filter".to_owned(),
        SeccompMode::Filter => format!("{} filters", privileges.seccomp_filters),
    };
    let yes = |on: bool| if on { "on" } else { "off" };
    let (mine, theirs) = (host.capabilities, container.capabilities);
    let row = |name: &str, host: String, container: String, why: &str| {
        let cell = if host == container { look(Look::Equal, format!("= {container}")) } else { plain(container) };
        vec![plain(name), plain(host), cell, remark(why)]
    };
    let setuid = if container.no_new_privileges { "setuid programs gain nothing" } else { "setuid programs work" };
    page.table(&[
        ["", "host", "container", ""].map(remark).to_vec(),
        row("effective", count(mine.effective), count(theirs.effective), "what counts now"),
        row("bounding", count(mine.bounding), count(theirs.bounding), "what exec can ever give"),
        row("seccomp", filters(host), filters(container), "which system calls are let through"),
        vec![
            plain("no_new_privs"),
            plain(yes(host.no_new_privileges)),
            plain(yes(container.no_new_privileges)),
            remark(setuid),
        ],
    ]);
    rights.label.iter().for_each(|label| page.table(&[vec![plain("label"), plain(label)]]));
    let names = |capabilities: Capabilities| -> Vec<String> {
        capabilities.iter().map(|capability| capability.to_string().replace("CAP_", "")).collect()
    };
    let lacking = Capabilities::from_bits(mine.effective.bits() & !theirs.effective.bits());
    let all = |some: Capabilities| if some == mine.effective { vec!["all".into()] } else { or_none(names(some)) };
    page.words("it has  ", &all(theirs.effective), "");
    page.words("it lacks", &all(lacking), "");
    if theirs.effective.is_empty() && !theirs.bounding.is_empty() && !container.no_new_privileges {
        page.remark("An ordinary user: a setuid program could still give it what is in the bounding set.");
    }
}

fn or_none(words: Vec<String>) -> Vec<String> {
    if words.is_empty() { vec!["none".into()] } else { words }
}

fn files(page: &mut Page, files: &Files) {
    page.heading("FILES", "overlay: upper over the image's layers; what is written goes to upper only");
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    match &files.upper {
        Some(upper) => {
            let path = short(&upper.to_string_lossy());
            rows.push(vec![plain("upper"), plain(human_size(files.written)), plain(path)]);
            let work = files.work.as_ref().map(|work| short(&work.to_string_lossy())).unwrap_or_default();
            rows.push(vec![plain("work"), plain(""), plain(work)]);
        }
        None => rows.push(vec![plain("upper"), plain("none yet"), remark("made at the first start")]),
    }
    for layer in &files.layers {
        rows.push(vec![plain("layer"), plain(human_size(layer.size)), plain(short(&layer.path.to_string_lossy()))]);
    }
    rows.push(vec![plain("log"), plain(human_size(files.log)), remark("what it printed")]);
    page.table(&rows);
    if files.changed == 0 {
        page.remark("Nothing differs from the image: it costs no copy to have another container of it.");
        return;
    }
    let rows = files.changes.iter().take(MOST).map(|change| {
        let size = change.size.map(human_size).unwrap_or_default();
        let note = match change.kind.as_str() {
            "D" => "a whiteout hides the image's",
            "C" if change.copied_up => "copied up: the image's is as it was",
            _ => "",
        };
        vec![plain(&change.kind), plain(size), remark(note), plain(&change.path)]
    });
    page.table(&rows.collect::<Vec<_>>());
    and_more(page, files.changed, MOST.min(files.changes.len()));
}

fn mounts(page: &mut Page, mounts: &Mounts) {
    page.heading("MOUNTS", "what hides parts of the kernel's files, and everything else");
    page.words("masked   ", &or_none(mounts.masked.clone()), "");
    page.words("read-only", &or_none(mounts.read_only.clone()), "");
    for (open, why) in [(&mounts.unmasked, "docker would mask"), (&mounts.writable, "docker would make read-only")] {
        if !open.is_empty() {
            page.line(Look::Bad, &format!("open: {why} {}", open.join(" ")));
        }
    }
    let (trees, others): (Vec<_>, Vec<_>) = mounts.list.iter().partition(|mount| mount.kind == "cgroup");
    let write = |mount: &MountSeen| plain(if mount.read_only { "ro" } else { "rw" });
    let rows = others.iter().take(MOST).map(|mount| {
        let from = if mount.root == "/" { plain("") } else { plain(format!("shows {}", short(&mount.root))) };
        vec![write(mount), plain(&mount.kind), plain(&mount.point), from]
    });
    let mut rows: Vec<_> = rows.collect();
    // On v1 there are ten of them, all alike.
    if let Some(tree) = trees.first() {
        let all = format!("{} trees, each", trees.len());
        let from = format!("shows {}", short(&tree.root));
        rows.push(vec![write(tree), plain("cgroup"), plain(all), plain(from)]);
    }
    let shown = rows.len() + trees.len().saturating_sub(1);
    page.table(&rows);
    and_more(page, mounts.total, shown);
}

fn network(page: &mut Page, network: &Network) {
    page.heading(
        "NETWORK",
        if network.shared { "the host's own: nothing is in between" } else { "own devices; the host's are not seen" },
    );
    let rows = network.links.iter().take(MOST).map(|link| {
        let state = if link.up { "up" } else { "down" };
        vec![plain("link"), plain(&link.name), plain(state), plain(&link.mac), plain(link.addresses.join(" "))]
    });
    page.table(&rows.collect::<Vec<_>>());
    and_more(page, network.links.len(), MOST.min(network.links.len()));
    if !network.shared {
        page.words("the host has", &or_none(network.host_links.clone()), "");
    }
    let routes = network.routes.iter().take(MOST).map(|route| {
        let way = route.gateway.as_ref().map_or_else(String::new, |gateway| format!("via {gateway} "));
        vec![plain("route"), plain(&route.destination), plain(format!("{way}by {}", route.link))]
    });
    let routes: Vec<_> = routes.collect();
    if routes.is_empty() {
        page.remark("No route: nothing leaves it.");
    }
    page.table(&routes);
    let ports = network.listening.iter().take(MOST).map(|port| {
        let by = match (port.container_pid, port.host_pid) {
            (Some(inside), Some(outside)) => format!("by pid {inside} (outside {outside})"),
            (None, Some(outside)) => format!("by process {outside} outside"),
            _ => "by nobody in it".into(),
        };
        vec![plain("listens"), plain(format!("{}/{}", port.port, port.protocol)), plain(&port.address), plain(by)]
    });
    page.table(&ports.collect::<Vec<_>>());
    and_more(page, network.listening.len(), MOST.min(network.listening.len()));
}
