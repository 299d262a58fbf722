#include "common/program_config/webhooks_config.h"

#include <fnmatch.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/config/named_file.h"
#include "common/config/toml.h"
#include "common/http/hmac.h"
#include "common/program_config/repository_key.h"

namespace gitops {
namespace {

constexpr size_t kLongestGlob = 1024;

void ReadProvider(const TomlTable& table, WebhookSpec& webhook) {
  if (!table.Has("provider")) return table.Fault("provider", "is missing: for example \"github\"");
  const std::optional<std::string> name = table.Choice("provider", GitProviderNames());
  if (!name.has_value()) return;
  table.SetName(*name);
  webhook.provider = *GitProviderOf(*name);
}

void ReadUpstreams(const TomlTable& table, WebhookSpec& webhook) {
  const bool given = table.Has("upstreams");
  const std::optional<std::vector<std::string>> globs = table.Strings("upstreams");
  if (!given || (globs.has_value() && globs->empty())) {
    table.Fault("upstreams",
                "is missing: give the repositories that the secret is for, for example "
                "[\"https://git.example/acme/*\"]");
  }
  if (!globs.has_value()) return;
  for (const std::string& glob : *globs) {
    if (glob.empty() || glob.size() > kLongestGlob) {
      table.Fault("upstreams",
                  absl::StrCat("has a glob that is empty or longer than ", kLongestGlob, " bytes"));
    }
    // "*" alone has no host.
    webhook.repositories.push_back(glob == "*" ? glob : RepositoryKey(glob));
  }
}

void ReadSecret(const TomlTable& table, const std::string& directory, WebhookSpec& webhook) {
  if (!table.Has("secret_file")) {
    return table.Fault("secret_file", "is missing: without a secret anyone could send pushes");
  }
  const std::optional<std::string> text =
      ReadNamedFile(table, "secret_file", directory, webhook.secret_file);
  if (!text.has_value()) return;
  const Secret secret = HmacKeyFromFile(*text);
  if (secret.empty()) {
    table.Fault("secret_file", absl::StrCat(webhook.secret_file, " is empty"));
  } else if (webhook.provider == GitProvider::kAzureDevops &&
             secret.Reveal().find(':') == std::string::npos) {
    table.Fault("secret_file",
                absl::StrCat(webhook.secret_file, " must be USER:PASSWORD for azure-devops"));
  }
}

}  // namespace

const std::vector<std::string>& GitProviderNames() {
  // In the order of the enum.
  static const auto& names = *new std::vector<std::string>{
      "github", "gitlab", "gitea", "bitbucket-server", "azure-devops", "generic"};
  return names;
}

std::optional<GitProvider> GitProviderOf(absl::string_view name) {
  const std::vector<std::string>& names = GitProviderNames();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<GitProvider>(found - names.begin());
}

bool WebhookSpec::Covers(const std::string& key) const {
  return std::any_of(repositories.begin(), repositories.end(), [&](const std::string& glob) {
    return fnmatch(glob.c_str(), key.c_str(), FNM_NOESCAPE) == 0;
  });
}

absl::StatusOr<std::vector<WebhookSpec>> ParseWebhooks(absl::string_view text,
                                                       const std::string& file) {
  const absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  KnowTopLevelTables(*root);
  const std::string directory = ConfigDirectory(file);
  std::vector<WebhookSpec> webhooks;
  for (const TomlTable& table : root->Tables("webhooks")) {
    WebhookSpec webhook;
    ReadProvider(table, webhook);
    ReadUpstreams(table, webhook);
    ReadSecret(table, directory, webhook);
    webhooks.push_back(std::move(webhook));
  }
  if (absl::Status status = root->Finish(); !status.ok()) return status;
  return webhooks;
}

}  // namespace gitops
