//! Finds the examples in the guide: fenced blocks of `bash`, each perhaps followed by a block of `http` with the reply.

use anyhow::{Context as _, Result, ensure};

/// What a reader would type, and what is promised to come back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Example {
    /// The line in the guide on which the script begins.
    pub(super) line: usize,
    pub(super) script: String,
    pub(super) reply: Option<Promise>,
}

/// The reply to the last `curl` of an example, as the guide shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Promise {
    /// The line in the guide on which it begins.
    pub(super) line: usize,
    pub(super) status: u16,
    /// Those that are shown; there may be others.
    pub(super) headers: Vec<(String, String)>,
    /// JSON or other text; empty if none is shown.
    pub(super) body: String,
}

/// The examples in their order. Blocks of other languages are for the eye.
pub(super) fn parse(guide: &str) -> Result<Vec<Example>> {
    let mut examples: Vec<Example> = Vec::new();
    let mut lines = guide.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let mut block = String::new();
        loop {
            let (line, _) = lines
                .next()
                .with_context(|| format!("the block of line {number} never ends"))?;
            if line == "```" {
                break;
            }
            block.push_str(line);
            block.push('\n');
        }
        match language.trim() {
            "bash" => examples.push(Example {
                line: number + 1,
                script: block,
                reply: None,
            }),
            "http" => {
                let promise = promise(&block, number + 1)?;
                let example = examples
                    .last_mut()
                    .with_context(|| format!("line {number}: a reply without an example"))?;
                ensure!(
                    example.reply.is_none(),
                    "line {number}: a second reply to the example of line {}",
                    example.line
                );
                example.reply = Some(promise);
            }
            _ => {}
        }
    }
    Ok(examples)
}

/// `HTTP/1.1 200`, headers, an empty line, the body.
fn promise(block: &str, line: usize) -> Result<Promise> {
    let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
    let mut head = head.lines();
    let status = head.next().and_then(|first| first.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let headers = head.map(|header| {
        let (name, value) = header
            .split_once(": ")
            .with_context(|| format!("line {line}: `{header}` is no header"))?;
        Ok((name.to_lowercase(), value.to_owned()))
    });
    Ok(Promise {
        line,
        status: status.with_context(|| format!("line {line}: expected HTTP/1.1 and a status"))?,
        headers: headers.collect::<Result<_>>()?,
        body: body.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_their_replies_are_found_with_their_lines() {
        let guide = "# Guide\n\n```bash\ncurl a |\n  jq .\n```\n\nIt says:\n\n```http\nHTTP/1.1 200 OK\nETag: \"…\"\n\n{\"a\": 1}\n```\n\
                     ```sh\nAPI=…\n```\n```bash\ntrue\n```\n";
        let examples = parse(guide).unwrap();
        assert_eq!(
            examples,
            [
                Example {
                    line: 4,
                    script: "curl a |\n  jq .\n".to_owned(),
                    reply: Some(Promise {
                        line: 11,
                        status: 200,
                        headers: vec![("etag".to_owned(), "\"…\"".to_owned())],
                        body: "{\"a\": 1}".to_owned(),
                    }),
                },
                Example {
                    line: 20,
                    script: "true\n".to_owned(),
                    reply: None,
                },
            ]
        );
    }

    #[test]
    fn a_reply_may_have_no_body() {
        let examples = parse("```bash\nx\n```\n```http\nHTTP/1.1 204\n```\n").unwrap();
        let reply = examples[0].reply.as_ref().unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    }

    #[test]
    fn what_nobody_could_run_is_named_by_its_line() {
        for (guide, complaint) in [
            ("text\n```bash\nx\n", "the block of line 2 never ends"),
            ("```http\nHTTP/1.1 200\n```\n", "line 1: a reply without an example"),
            (
                "```bash\nx\n```\n```http\nHTTP/1.1 200\n```\n```http\nHTTP/1.1 200\n```\n",
                "line 7: a second reply to the example of line 2",
            ),
            (
                "```bash\nx\n```\n```http\nOK\n```\n",
                "line 5: expected HTTP/1.1 and a status",
            ),
            (
                "```bash\nx\n```\n```http\nHTTP/1.1 200\nnonsense\n```\n",
                "line 5: `nonsense` is no header",
            ),
        ] {
            assert_eq!(parse(guide).unwrap_err().to_string(), complaint);
        }
    }
}
