//! `orchctl provider`: how the providers of agents are, and a person's word that one is well again.

use orchd_http::client::Client;
use orchd_http::dto;

use crate::act::person;
use crate::cli::{ProviderArgs, ProviderCommand};
use crate::exit::Exit;
use crate::render::{Out, span};

pub(crate) async fn run(client: &Client, out: &Out, args: ProviderArgs) -> Result<(), Exit> {
    let providers: Vec<dto::Provider> = match args.what {
        ProviderCommand::List => client.get("/providers").await?,
        ProviderCommand::Close { name } => {
            let change = dto::Change { on: None, by: person() };
            client.post(&format!("/providers/{name}/close"), &change).await?
        }
    };
    if out.json {
        return out.data(&providers);
    }
    if providers.is_empty() {
        out.line("No project names an agent, and no provider was ever unwell.");
        return Ok(());
    }
    let row = |provider: &dto::Provider| {
        let closed = provider.closed.as_ref();
        vec![
            provider.name.clone(),
            provider.state.clone(),
            provider.failures.to_string(),
            closed.map(|closed| format!("{} ago by {}", span(closed.ago_ms), closed.by)).unwrap_or_default(),
            provider.sentence.clone().unwrap_or_default(),
        ]
    };
    out.table(
        &["PROVIDER", "STATE", "ERRORS IN A ROW", "LAST CLOSED BY HAND", ""],
        providers.iter().map(row).collect(),
    );
    Ok(())
}
