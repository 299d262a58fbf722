#include "common/git/url.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

absl::Status Refuse(absl::string_view url, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", RedactUrl(url), "\" ", why));
}

bool AllDigits(absl::string_view text) {
  return text.find_first_not_of("0123456789") == absl::string_view::npos;
}

// The start of the host in `rest`, the part after the scheme. An unescaped password may contain
// '/', '?', '#' or '@': if the text before one of them is not HOST[:PORT], the '@' that ends it
// comes later.
size_t HostStart(absl::string_view rest) {
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const absl::string_view authority = rest.substr(0, end);
  const size_t at = authority.rfind('@');
  if (at != absl::string_view::npos) return at + 1;
  const size_t colon = authority.rfind(':');
  const bool plain_host = colon == absl::string_view::npos || absl::StartsWith(authority, "[") ||
                          AllDigits(authority.substr(colon + 1));
  if (plain_host) return 0;
  const size_t late = rest.rfind('@');
  return late == absl::string_view::npos ? 0 : late + 1;
}

// HOST:PATH or USER@HOST:PATH: a colon before the first slash.
bool IsScpLike(absl::string_view url) {
  const size_t colon = url.find(':');
  return colon != absl::string_view::npos && colon > 0 && colon < url.find('/');
}

absl::Status CheckScpLike(absl::string_view url) {
  const size_t colon = url.find(':');
  if (url.substr(colon, url.find('/') - colon).find('@') != absl::string_view::npos) {
    return Refuse(
        url,
        "contains a password, which ssh does not accept: write user@host:path and set ssh_key");
  }
  const size_t host = url.substr(0, colon).rfind('@') + 1;  // 0 without a user
  if (host == colon || url[host] == '-') {
    return Refuse(url, "has no host: write user@host:path");
  }
  if (colon + 1 == url.size()) return Refuse(url, "has no path: write user@host:path");
  return absl::OkStatus();
}

absl::Status CheckCharacters(absl::string_view url) {
  if (url.empty()) return Refuse(url, "is not an upstream: it is empty");
  // git would interpret it as an option.
  if (absl::StartsWith(url, "-")) return Refuse(url, "is not an upstream: it starts with '-'");
  for (const char c : url) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) || c == ' ') {
      return Refuse(url, "is not an upstream: it contains a space or a control character");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckScheme(absl::string_view url, size_t scheme_end,
                         const std::vector<std::string>& schemes) {
  const std::string scheme = absl::AsciiStrToLower(url.substr(0, scheme_end));
  if (std::count(schemes.begin(), schemes.end(), scheme) == 0) {
    return Refuse(
        url, absl::StrCat("has a scheme that is not allowed: use ", absl::StrJoin(schemes, ", "),
                          Suggestion(scheme, schemes, false)));
  }
  const absl::string_view rest = url.substr(scheme_end + 3);
  const absl::string_view host = rest.substr(HostStart(rest));
  if (scheme == "file") {
    return absl::StartsWith(rest, "/") && rest.size() > 1
               ? absl::OkStatus()
               : Refuse(url, "has no absolute path: write file:///PATH");
  }
  // ssh would interpret a user or host with a leading '-' as an option.
  if (host.empty() || absl::StartsWith(rest, "-") ||
      absl::string_view("/?#:-").find(host[0]) != absl::string_view::npos) {
    return Refuse(url, absl::StrCat("has no host: write ", scheme, "://HOST/PATH"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckUpstreamUrl(absl::string_view url) {
  absl::Status status = CheckCharacters(url);
  if (!status.ok()) return status;
  const size_t scheme_end = url.find("://");
  const size_t helper = url.find("::");
  // "ext::sh -c …" runs a program; other helpers are programs too.
  if (helper != absl::string_view::npos && helper < std::min(scheme_end, url.find('/'))) {
    return Refuse(url,
                  "calls a transport helper of git, which is not allowed: use https, ssh or "
                  "file");
  }
  if (absl::StartsWith(url, "/")) return absl::OkStatus();
  if (scheme_end != absl::string_view::npos && scheme_end < url.find('/')) {
    return CheckScheme(url, scheme_end, {"https", "http", "ssh", "git", "file"});
  }
  if (IsScpLike(url)) return CheckScpLike(url);
  return Refuse(url,
                "is not an upstream: write https://…, ssh://…, user@host:path, file:///… or an "
                "absolute path");
}

absl::Status CheckHttpUrl(absl::string_view url) {
  absl::Status status = CheckCharacters(url);
  if (!status.ok()) return status;
  const size_t scheme_end = url.find("://");
  if (scheme_end == absl::string_view::npos)
    return Refuse(url, "is not an https:// or http:// URL");
  return CheckScheme(url, scheme_end, {"https", "http"});
}

std::string RedactUrl(absl::string_view url) {
  const size_t scheme_end = url.find("://");
  if (scheme_end != absl::string_view::npos && scheme_end < url.find('/')) {
    absl::string_view rest = url.substr(scheme_end + 3);
    rest.remove_prefix(HostStart(rest));
    return absl::StrCat(url.substr(0, scheme_end + 3), rest.substr(0, rest.find_first_of("?#")));
  }
  if (absl::StartsWith(url, "/")) return std::string(url);
  // user@host:path, user:password@host:path, and anything else that may contain a password.
  absl::string_view rest = url;
  const absl::string_view head = rest.substr(0, rest.find('/'));
  const size_t at = head.rfind('@');
  if (at != absl::string_view::npos) rest.remove_prefix(at + 1);
  return std::string(rest.substr(0, rest.find_first_of("?#")));
}

}  // namespace gitops
