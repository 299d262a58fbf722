#include "common/git/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
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

// The colon between host and path in the forms that git takes for ssh: HOST:PATH, USER@HOST:PATH,
// and the host in brackets, as [::1], [HOST:PORT] or [USER@HOST:PORT]. npos: it is none of them.
size_t ScpColon(absl::string_view url) {
  const size_t user_end = url.find("@[");
  const size_t start = user_end == absl::string_view::npos ? 0 : user_end + 1;
  size_t colon = url.find(':');
  if (start < url.size() && url[start] == '[') {
    const size_t close = url.find(']', start);
    if (close == absl::string_view::npos) return absl::string_view::npos;
    colon = close + 1;
    if (colon >= url.size() || url[colon] != ':') return absl::string_view::npos;
  }
  return colon != 0 && colon < url.find('/') ? colon : absl::string_view::npos;
}

absl::StatusOr<GitUrl> ParseScp(absl::string_view url, size_t colon) {
  if (url.substr(colon, url.find('/') - colon).find('@') != absl::string_view::npos) {
    return Refuse(
        url,
        "contains a password, which ssh does not accept: write user@host:path and set ssh_key");
  }
  absl::string_view host = url.substr(0, colon);
  const bool brackets = absl::EndsWith(host, "]");
  host.remove_prefix(brackets ? host.find('[') + 1 : 0);
  if (brackets) host.remove_suffix(1);
  host.remove_prefix(host.rfind('@') + 1);  // 0 without a user
  // ssh would interpret it as an option.
  if (host.empty() || host[0] == '-') return Refuse(url, "has no host: write user@host:path");
  if (host.find('[') != absl::string_view::npos) {
    return Refuse(url, "has two pairs of brackets: write ssh://user@[ADDRESS]:PORT/path");
  }
  if (colon + 1 == url.size()) return Refuse(url, "has no path: write user@host:path");
  // [HOST:PORT], but not the colons of an address.
  if (std::count(host.begin(), host.end(), ':') == 1) host = host.substr(0, host.find(':'));
  return GitUrl{.scheme = "ssh",
                .host = std::string(host),
                .path = std::string(url.substr(colon + 1)),
                .plain = std::string(url)};
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

bool IsHttp(absl::string_view scheme) { return scheme == "http" || scheme == "https"; }

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

std::string PercentDecode(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
        absl::ascii_isxdigit(text[i + 2])) {
      out += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// The host of an http(s) URL without user and password, by the parser that will use it. Empty:
// none.
std::string HttpHost(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (handle == nullptr || curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(handle.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return "";
  }
  std::string text = host;
  curl_free(host);
  if (absl::StartsWith(text, "[")) text = text.substr(1, text.size() - 2);
  return text;
}

// The host in HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT.
std::string HostOf(absl::string_view authority) {
  if (!absl::StartsWith(authority, "["))
    return std::string(authority.substr(0, authority.find(':')));
  return std::string(authority.substr(1, authority.find(']') - 1));
}

absl::StatusOr<GitUrl> ParseWithScheme(absl::string_view url, size_t scheme_end,
                                       const std::vector<std::string>& schemes) {
  GitUrl parts;
  parts.scheme = absl::AsciiStrToLower(url.substr(0, scheme_end));
  if (std::count(schemes.begin(), schemes.end(), parts.scheme) == 0) {
    return Refuse(
        url, absl::StrCat("has a scheme that is not allowed: use ", absl::StrJoin(schemes, ", "),
                          Suggestion(parts.scheme, schemes, false)));
  }
  absl::string_view rest = url.substr(scheme_end + 3);
  if (parts.scheme == "file") {
    absl::ConsumePrefix(&rest, "localhost");
    if (!absl::StartsWith(rest, "/") || rest.size() == 1) {
      return Refuse(url, "has no absolute path: write file:///PATH");
    }
    parts.path = PercentDecode(rest);
    parts.plain = absl::StrCat("file://", rest);
    return parts;
  }
  const size_t host_start = HostStart(rest);
  const absl::string_view login = rest.substr(0, host_start);
  const absl::string_view host_path = rest.substr(host_start);
  const bool http = IsHttp(parts.scheme);
  const size_t authority_end =
      std::min(host_path.find_first_of(http ? "/?#" : "/"), host_path.size());
  parts.authority = std::string(host_path.substr(0, authority_end));
  parts.path = std::string(host_path.substr(authority_end));
  parts.plain = absl::StrCat(parts.scheme, "://", host_path);
  parts.host = http ? HttpHost(parts.plain) : HostOf(parts.authority);
  // ssh would interpret a user or host with a leading '-' as an option.
  if (parts.authority.empty() || parts.host.empty() || absl::StartsWith(rest, "-") ||
      absl::StartsWith(parts.host, "-")) {
    return Refuse(url, absl::StrCat("has no host: write ", parts.scheme, "://HOST/PATH"));
  }
  if (login.empty()) return parts;
  const absl::string_view user_password = login.substr(0, login.size() - 1);
  const absl::string_view user = user_password.substr(0, user_password.find(':'));
  if (!http) {
    parts.plain = absl::StrCat(parts.scheme, "://", user, user.empty() ? "" : "@", host_path);
    return parts;
  }
  parts.user = PercentDecode(user);
  if (user.size() < user_password.size()) {
    parts.password = PercentDecode(user_password.substr(user.size() + 1));
  }
  if (HasControl(parts.user) || HasControl(parts.password)) {
    return Refuse(url, "has a user or password with a control character");
  }
  return parts;
}

// "NAME::…" calls the program git-remote-NAME; "ext::sh -c …" runs anything. By git's own rule, so
// that "git@[::1]:path" is none.
bool CallsHelper(absl::string_view url) {
  size_t end = 0;
  while (end < url.size() && (absl::ascii_isalnum(static_cast<unsigned char>(url[end])) ||
                              (end > 0 && absl::StrContains("+-.", url.substr(end, 1))))) {
    ++end;
  }
  return absl::StartsWith(url.substr(end), "::");
}

// Where "://" begins, if a scheme is before it. npos: it is no URL.
size_t SchemeEnd(absl::string_view url) {
  const size_t end = url.find("://");
  return end < url.find('/') ? end : absl::string_view::npos;
}

}  // namespace

absl::StatusOr<GitUrl> ParseGitUrl(absl::string_view url) {
  if (url.empty()) return Refuse(url, "is not an upstream: it is empty");
  // git would interpret it as an option.
  if (absl::StartsWith(url, "-")) return Refuse(url, "is not an upstream: it starts with '-'");
  if (HasControl(url)) {
    return Refuse(url, "is not an upstream: it contains a space or a control character");
  }
  if (CallsHelper(url)) {
    return Refuse(url,
                  "calls a transport helper of git, which is not allowed: use https, ssh or "
                  "file");
  }
  if (absl::StartsWith(url, "/")) {
    // git decodes what a URL encodes.
    return GitUrl{.scheme = "file",
                  .path = std::string(url),
                  .plain = absl::StrCat("file://", absl::StrReplaceAll(url, {{"%", "%25"}}))};
  }
  if (const size_t end = SchemeEnd(url); end != absl::string_view::npos) {
    return ParseWithScheme(url, end, {"https", "http", "ssh", "git", "file"});
  }
  if (const size_t colon = ScpColon(url); colon != absl::string_view::npos) {
    return ParseScp(url, colon);
  }
  return Refuse(url,
                "is not an upstream: write https://…, ssh://…, user@host:path, file:///… or an "
                "absolute path");
}

absl::Status CheckUpstreamUrl(absl::string_view url) {
  if (absl::Status status = CheckCharacters(url); !status.ok()) return status;
  return ParseGitUrl(url).status();
}

absl::Status CheckHttpUrl(absl::string_view url) {
  if (absl::Status status = CheckCharacters(url); !status.ok()) return status;
  const size_t scheme_end = url.find("://");
  if (scheme_end == absl::string_view::npos)
    return Refuse(url, "is not an https:// or http:// URL");
  return ParseWithScheme(url, scheme_end, {"https", "http"}).status();
}

absl::Status CheckProxyUrl(absl::string_view url) {
  if (absl::Status status = CheckCharacters(url); !status.ok()) return status;
  const size_t scheme_end = SchemeEnd(url);
  // Without a scheme it is not known which part of it is a password.
  if (scheme_end == absl::string_view::npos) {
    return absl::InvalidArgumentError("is not a proxy: write http://HOST:PORT");
  }
  return ParseWithScheme(url, scheme_end,
                         {"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
      .status();
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
