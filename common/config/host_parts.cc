#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/config/fleet_check.h"
#include "common/config/fleet_reader.h"
#include "common/config/variables.h"

namespace gitops {
namespace {

constexpr absl::Duration kMaxCheckTime = absl::Hours(1);

absl::Status AnyText(absl::string_view) { return absl::OkStatus(); }

// `check` of a value that may contain ${machine}, with some name: the names of few hosts could make
// it wrong (an owner that begins with a digit), which the host finds out.
template <typename Check>
auto OnSomeMachine(Check check) {
  return [check](absl::string_view text) {
    absl::Status status = CheckVariables(text, {kMachineVariable});
    std::string sample(text);
    SetVariable(kMachineVariable, "machine", sample);
    return status.ok() ? check(sample) : status;
  };
}

template <typename Check>
std::optional<std::string> MachineText(const TomlTable& table, absl::string_view key, Check check) {
  return CheckedText(table, key, OnSomeMachine(check));
}

// A period of zero would spin, a timeout of zero would never pass.
template <typename Check>
void ReadTimes(const TomlTable& table, Check& check) {
  Store(table.Duration("period", absl::Milliseconds(10), kMaxCheckTime), check.period);
  Store(table.Duration("timeout", absl::Milliseconds(10), kMaxCheckTime), check.timeout);
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
  Store(MachineText(table, "host", CheckHostName), check.host);
  Store(table.Choice("scheme", {"http", "https"}), check.scheme);
  if (check.scheme == "https") check.port = 443;
  Store(table.Int("port", 1, 65535), check.port);
  Store(MachineText(table, "path", CheckUrlPath), check.path);
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

void ReadOwner(const TomlTable& table, SecretSpec& secret) {
  const std::optional<TomlTable> owner = table.Table("owner");
  if (!owner.has_value()) return;
  Store(Checked(*owner, "user", owner->TextOrInt("user"), OnSomeMachine(CheckOwner)),
        secret.owner_user);
  Store(Checked(*owner, "group", owner->TextOrInt("group"), OnSomeMachine(CheckOwner)),
        secret.owner_group);
}

absl::Status CheckDestination(absl::string_view path) {
  const auto normal = NormalizeAbsolutePath(path);
  if (!normal.ok() || *normal != "/") return normal.status();
  return absl::InvalidArgumentError("is the root directory: give the path of a file");
}

// One table, or an array of tables.
std::vector<TomlTable> OneOrMore(const TomlTable& table, absl::string_view key) {
  if (!table.IsTable(key)) return table.Tables(key);
  return {*table.Table(key)};
}

}  // namespace

ChecksSpec ReadChecks(const TomlTable& table) {
  ChecksSpec checks;
  for (const TomlTable& check : OneOrMore(table, "http")) {
    checks.http.push_back(ReadHttpCheck(check));
  }
  for (const TomlTable& check : OneOrMore(table, "cmd")) {
    checks.cmd.push_back(ReadCmdCheck(check));
  }
  return checks;
}

SecretSpec ReadSecret(const TomlTable& table, const std::string& directory) {
  SecretSpec secret;
  secret.place = table.place();
  if (MachineText(table, "source", AnyText).has_value()) {
    Store(FilePath(table, "source", directory), secret.source);
  }
  if (const auto destination = MachineText(table, "destination", CheckDestination)) {
    secret.destination = *NormalizeAbsolutePath(*destination);
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

}  // namespace gitops
