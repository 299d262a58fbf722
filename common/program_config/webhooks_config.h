#ifndef GITOPS_COMMON_PROGRAM_CONFIG_WEBHOOKS_CONFIG_H_
#define GITOPS_COMMON_PROGRAM_CONFIG_WEBHOOKS_CONFIG_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

enum class GitProvider { kGithub, kGitlab, kGitea, kBitbucketServer, kAzureDevops, kGeneric };

// "github", "gitlab", "gitea", "bitbucket-server", "azure-devops", "generic"; null: none of these.
std::optional<GitProvider> GitProviderOf(absl::string_view name);
const std::vector<std::string>& GitProviderNames();

// One [[webhooks]] of the gateway's config.
struct WebhookSpec {
  GitProvider provider = GitProvider::kGeneric;
  // Globs (*, ?, [...]; also across slashes) of the repositories whose pushes the secret proves, as
  // RepositoryKey().
  std::vector<std::string> repositories;
  // Absolute. Read for each request, so that a rotated secret counts at once. Holds the key or
  // token; for azure-devops USER:PASSWORD.
  std::string secret_file;

  // Whether `key`, a RepositoryKey(), is one of them.
  bool Covers(const std::string& key) const;
};

// The [[webhooks]] of a config file, in order: provider, upstreams, secret_file. `file` is used in
// messages and as the base of relative paths. Other tables are skipped. INVALID_ARGUMENT: all
// errors, one per line, with file and line; never a secret.
absl::StatusOr<std::vector<WebhookSpec>> ParseWebhooks(absl::string_view text,
                                                       const std::string& file);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROGRAM_CONFIG_WEBHOOKS_CONFIG_H_
