#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/config/fleet_check.h"
#include "common/config/fleet_reader.h"

namespace gitops {
namespace {

constexpr absl::Duration kMostCheckTime = absl::Hours(1);

// A period of zero would spin, a timeout of zero would never pass.
template <typename Check>
void ReadTimes(const TomlTable& table, Check& check) {
  Store(table.Duration("period", absl::Milliseconds(10), kMostCheckTime), check.period);
  Store(table.Duration("timeout", absl::Milliseconds(10), kMostCheckTime), check.timeout);
}

// A path with a query, as in a URL. Characters that must be percent-encoded are refused here, since
// at run time the check would only fail.
absl::Status CheckUrlPath(absl::string_view path) {
  if (!absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\" does not start with '/'"));
  }
  constexpr absl::string_view kIllegal = " \"#<>\\^`{|}";
  for (size_t i = 0; i < path.size(); ++i) {
    const unsigned char c = path[i];
    const bool escape = c == '%';
    if (escape && i + 2 < path.size() && absl::ascii_isxdigit(path[i + 1]) &&
        absl::ascii_isxdigit(path[i + 2])) {
      continue;
    }
    if (!escape && absl::ascii_isgraph(c) && !absl::StrContains(kIllegal, path[i])) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::Utf8SafeCHexEscape(path),
                     "\" contains a character that is not allowed in a URL (",
                     absl::StrFormat("byte %d); write it as %%%02X", i + 1, c)));
  }
  return absl::OkStatus();
}

HttpCheckSpec ReadHttpCheck(const TomlTable& table) {
  HttpCheckSpec check;
  Store(table.String("description"), check.description);
  Store(CheckedText(table, "host", CheckHostName), check.host);
  Store(table.Choice("scheme", {"http", "https"}), check.scheme);
  if (check.scheme == "https") check.port = 443;
  Store(table.Int("port", 1, 65535), check.port);
  Store(CheckedText(table, "path", CheckUrlPath), check.path);
  check.headers = table.StringMap("headers");
  ReadTimes(table, check);
  Store(table.Bool("insecure_ssl"), check.insecure_ssl);
  Store(table.Bool("follow_redirects"), check.follow_redirects);
  return check;
}

CmdCheckSpec ReadCmdCheck(const TomlTable& table) {
  CmdCheckSpec check;
  Store(table.String("description"), check.description);
  if (const auto cmd = table.Strings("cmd")) {
    check.cmd = *cmd;
    if (cmd->empty() || cmd->front().empty()) table.Fault("cmd", "names no program");
  } else if (!table.Has("cmd")) {
    table.Fault("cmd", "is missing: give the program and its arguments, for example [\"true\"]");
  }
  ReadTimes(table, check);
  return check;
}

ChecksSpec ReadChecks(const TomlTable& host, absl::string_view key) {
  ChecksSpec checks;
  if (!host.Has(key)) return checks;
  const std::optional<TomlTable> table = host.Table(key);
  if (!table.has_value()) return checks;
  for (const TomlTable& check : table->Tables("http")) checks.http.push_back(ReadHttpCheck(check));
  for (const TomlTable& check : table->Tables("cmd")) checks.cmd.push_back(ReadCmdCheck(check));
  return checks;
}

void ReadOwner(const TomlTable& table, SecretSpec& secret) {
  const std::optional<TomlTable> owner = table.Table("owner");
  if (!owner.has_value()) return;
  Store(Checked(*owner, "user", owner->TextOrInt("user"), CheckOwner), secret.owner_user);
  Store(Checked(*owner, "group", owner->TextOrInt("group"), CheckOwner), secret.owner_group);
}

SecretSpec ReadSecret(const TomlTable& table, const std::string& directory) {
  SecretSpec secret;
  if (table.Text("source").has_value()) Store(FilePath(table, "source", directory), secret.source);
  if (const auto destination = table.Text("destination")) {
    const auto normal = NormalizeAbsolutePath(*destination);
    if (normal.ok() && *normal != "/") {
      secret.destination = *normal;
    } else {
      table.Fault("destination", normal.ok() ? "is the root directory: give the path of a file"
                                             : normal.status().message());
    }
  }
  for (absl::string_view key : {"source", "destination"}) {
    if (!table.Has(key)) table.Fault(key, "is missing");
  }
  ReadOwner(table, secret);
  Store(CheckedText(table, "permissions", CheckPermissions), secret.permissions);
  Store(table.Strings("action"), secret.action);
  Store(table.Bool("mk_dirs"), secret.mk_dirs);
  Store(table.Choice("upload_at", {"pre-activation", "post-activation"}), secret.upload_at);
  return secret;
}

void ReadSecrets(const TomlTable& table, const std::string& directory, HostSpec& host) {
  std::map<std::string, std::string> names;
  for (const auto& [name, secret] : table.NamedTables("secrets")) {
    SecretSpec spec = ReadSecret(secret, directory);
    // By destination: the secret that came first.
    const auto [first, is_new] = names.emplace(spec.destination, name);
    if (!is_new && !spec.destination.empty()) {
      secret.Fault("destination",
                   absl::StrCat("\"", spec.destination, "\" is also the destination of secret \"",
                                first->second, "\": one would replace the other"));
    }
    host.secrets.emplace(name, std::move(spec));
  }
}

std::vector<std::string> ReadTags(const TomlTable& table, absl::string_view key) {
  std::vector<std::string> tags = table.Strings(key).value_or(std::vector<std::string>());
  for (const std::string& tag : tags) {
    // --tagged A,B separates with commas.
    if (tag.empty() || tag.find_first_of(", \t\r\n") != std::string::npos) {
      table.Fault(key, absl::StrCat("\"", tag,
                                    "\" is not a tag: it must not be empty or contain a comma "
                                    "or a space"));
    }
  }
  return tags;
}

HostSpec ReadHost(const TomlTable& table, const std::string& directory) {
  HostSpec host;
  if (const auto name = CheckedText(table, "name", CheckHostName)) {
    host.name = *name;
    table.SetName(*name);
    host.address =
        *NormalizeAddress(absl::StrContains(*name, ':') ? absl::StrCat("[", *name, "]") : *name);
  } else if (!table.Has("name")) {
    table.Fault("name", "is missing: give the host's name");
  }
  if (const auto address = table.Text("address")) {
    auto normal = NormalizeAddress(*address);
    if (normal.ok()) {
      host.address = *std::move(normal);
    } else {
      table.Fault("address", normal.status().message());
    }
  }
  host.tags = ReadTags(table, "tags");
  host.health_checks = ReadChecks(table, "health_checks");
  host.pre_deploy_checks = ReadChecks(table, "pre_deploy_checks");
  ReadSecrets(table, directory, host);
  return host;
}

}  // namespace

void ReadHosts(const TomlTable& root, const std::string& directory, FleetConfig& config) {
  std::map<std::string, int> lines;
  for (const TomlTable& table : root.Tables("hosts")) {
    HostSpec host = ReadHost(table, directory);
    const auto [first, is_new] = lines.emplace(absl::AsciiStrToLower(host.name), table.line());
    if (!is_new && !host.name.empty()) {
      table.Fault("name", absl::StrCat("\"", host.name, "\" is given twice, first in line ",
                                       first->second));
    }
    config.hosts.push_back(std::move(host));
  }
  if (const std::optional<TomlTable> fleet = root.Table("fleet")) {
    config.order_by_tags = ReadTags(*fleet, "order_by_tags");
  }
}

}  // namespace gitops
