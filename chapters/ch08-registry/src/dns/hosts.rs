//! hosts(5): names that this machine knows without asking anybody.

use std::net::IpAddr;

/// What the text of `/etc/hosts` has for `name`, in its order.
pub fn addresses_in(text: &str, name: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else { continue };
        if words.any(|word| word.eq_ignore_ascii_case(name)) && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_with_the_name_counts() {
        let text = "127.0.0.1 localhost\n10.0.0.1\treg.example reg # reg2\nno reg\n::2 REG\n10.0.0.1 reg\n";
        let addresses: Vec<IpAddr> = vec!["10.0.0.1".parse().expect("v4"), "::2".parse().expect("v6")];
        assert_eq!(addresses_in(text, "reg"), addresses);
        assert!(addresses_in(text, "reg2").is_empty() && addresses_in(text, "10.0.0.1").is_empty());
    }
}
