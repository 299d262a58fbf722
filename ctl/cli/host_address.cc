#include "ctl/cli/host_address.h"

#include <arpa/inet.h>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/ports.h"

namespace gitops::ctl {
namespace {

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("@", text, " is not a host: ", why,
                   " (use @NAME, @ADDRESS or @[IPV6], each with :PORT if the port is not ",
                   kAgentPort, ", or @unix:PATH)"));
}

// A zone is allowed: "fe80::1%eth0".
bool IsIpv6(absl::string_view host) {
  in6_addr ignored;
  return inet_pton(AF_INET6, std::string(host.substr(0, host.find('%'))).c_str(), &ignored) == 1;
}

bool IsName(absl::string_view host) {
  if (host.empty()) return false;
  for (const char c : host) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '-' && c != '_') return false;
  }
  return true;
}

bool IsPort(absl::string_view port) {
  int number = 0;
  return absl::SimpleAtoi(port, &number) && absl::ascii_isdigit(port.front()) && number > 0 &&
         number < 65536;
}

// `rest` is the text after the host: empty or ":PORT".
absl::StatusOr<std::string> WithPort(absl::string_view text, absl::string_view host,
                                     absl::string_view rest) {
  if (rest.empty()) return absl::StrCat(host, ":", kAgentPort);
  if (rest.front() != ':' || rest.size() == 1 || !IsPort(rest.substr(1))) {
    return Bad(text, "the port must be a number from 1 to 65535");
  }
  return absl::StrCat(host, rest);
}

}  // namespace

absl::StatusOr<std::string> ParseHostAddress(absl::string_view text) {
  if (absl::StartsWith(text, "unix:")) {
    if (text.size() == 5) return Bad(text, "there is no path after unix:");
    return std::string(text);
  }
  if (absl::StartsWith(text, "[")) {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos || !IsIpv6(text.substr(1, end - 1))) {
      return Bad(text, "there is no IPv6 address between [ and ]");
    }
    return WithPort(text, text.substr(0, end + 1), text.substr(end + 1));
  }
  if (IsIpv6(text)) return absl::StrCat("[", text, "]:", kAgentPort);
  const size_t colon = text.find(':');
  const absl::string_view host = text.substr(0, colon);
  if (!IsName(host)) return Bad(text, host.empty() ? "the name is empty" : "it is not a name");
  return WithPort(text, host, text.substr(host.size()));
}

bool IsHostName(absl::string_view text) {
  in_addr ignored;
  return IsName(text) && text != "localhost" &&
         inet_pton(AF_INET, std::string(text).c_str(), &ignored) != 1;
}

}  // namespace gitops::ctl
