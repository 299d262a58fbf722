#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/text/braces.h"
#include "common/text/plural.h"
#include "common/tls/authority.h"
#include "common/tls/certificate.h"
#include "common/tls/join_tokens.h"
#include "ctl/commands/ca_commands.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

constexpr absl::Duration kLifetime = absl::Hours(24);
// The default of the planner's --issuer-dir.
constexpr char kPlannersDirectory[] = "/var/lib/gitops-planner/issuer";
constexpr size_t kMaxHosts = 10'000;

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::StatusOr<std::vector<std::string>> HostsFrom(const std::vector<std::string>& patterns) {
  std::vector<std::string> hosts;
  for (const std::string& pattern : patterns) {
    const auto expanded = ExpandBraces(pattern, kMaxHosts - hosts.size());
    if (!expanded.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--host: \"", EscapeLine(pattern), "\" ", expanded.status().message()));
    }
    for (const std::string& host : *expanded) {
      if (absl::Status named = CheckIdentityName(host); !named.ok()) {
        return absl::InvalidArgumentError(absl::StrCat("--host: ", named.message()));
      }
      hosts.push_back(host);
    }
  }
  return hosts;
}

// As root, goes on as the account that owns the directory, since the planner replaces what is made
// there, and within it, since a systemd unit's account cannot reach its own state by its path.
// Returns the directory's name from then on.
absl::StatusOr<std::string> BecomeOwner(const std::string& directory) {
  struct stat info {};
  if (geteuid() != 0 || stat(directory.c_str(), &info) != 0 || info.st_uid == 0) return directory;
  if (chdir(directory.c_str()) == 0 && setgroups(0, nullptr) == 0 && setegid(info.st_gid) == 0 &&
      seteuid(info.st_uid) == 0) {
    return std::string(".");
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot work as the owner of ", directory));
}

absl::StatusOr<ExitCode> RevokeTokens(const AuthorityContext& context, const JoinTokens& tokens,
                                      const std::vector<std::string>& hosts) {
  absl::Status first;
  for (const std::string& host : hosts) {
    const absl::Status revoked = tokens.Revoke(host);
    if (revoked.ok()) context.console.out << host << "\n";
    first.Update(revoked);
  }
  context.console.out << std::flush;
  if (!first.ok()) return first;
  return kDone;
}

struct Made {
  std::string host;
  Secret token;
};

std::string TextOf(const std::vector<Made>& made, absl::Time expires, const std::string& ca_hash,
                   OutputForm form) {
  if (form == OutputForm::kJson || form == OutputForm::kYaml) {
    Json list = Json::array();
    for (const Made& one : made) {
      list.push_back(
          {{"host", one.host}, {"token", one.token.Reveal()}, {"expires", TimeText(expires)}});
    }
    const Json tree = {{"caHash", ca_hash}, {"tokens", list}};
    return form == OutputForm::kJson ? JsonText(tree) : YamlText(tree);
  }
  std::string text;
  for (const Made& one : made) absl::StrAppend(&text, one.token.Reveal(), "\n");
  return text;
}

}  // namespace

absl::StatusOr<ExitCode> MakeJoinTokens(const AuthorityContext& context) {
  const Flags& flags = context.invocation.flags;
  const std::string& given = flags.authority.directory;
  const auto hosts = HostsFrom(flags.authority.hosts);
  if (!hosts.ok()) return hosts.status();
  const auto directory = BecomeOwner(given.empty() ? kPlannersDirectory : given);
  if (!directory.ok()) return directory.status();
  const JoinTokens tokens(*directory);
  if (flags.authority.revoke) return RevokeTokens(context, tokens, *hosts);

  const auto authority = CertificateAuthority::Open(*directory);
  if (!authority.ok()) return authority.status();
  const auto root = ReadCertificate(authority->authorities_pem());
  if (!root.ok()) return root.status();
  const absl::Time now = absl::Now();
  const absl::Duration lifetime =
      flags.token_lifetime == absl::InfiniteDuration() ? kLifetime : flags.token_lifetime;
  std::vector<Made> made;
  absl::Status failed;
  for (const std::string& host : *hosts) {
    absl::StatusOr<Secret> token = tokens.Create(host, lifetime, now);
    if (!token.ok()) {
      failed = token.status();
      break;
    }
    made.push_back({host, *std::move(token)});
  }
  // Those that were made are good, also if a later one failed.
  context.console.out << TextOf(made, now + lifetime, root->fingerprint, context.options.form)
                      << std::flush;
  if (!failed.ok()) return failed;
  context.console.err << "gitopsctl: " << Counted(made.size(), "token")
                      << ", shown only now, good once each until " << TimeText(now + lifetime)
                      << "; on each host: gitops-agent join --planner https://PLANNER:8005 "
                         "--token-file FILE --ca-hash "
                      << root->fingerprint << "\n";
  return kDone;
}

}  // namespace gitops::ctl
