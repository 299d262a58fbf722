#include "common/program_config/repository_key.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

struct Parts {
  std::string scheme, authority, path;
};

Parts SplitUrl(absl::string_view url) {
  const size_t scheme_end = url.find("://");
  if (scheme_end != absl::string_view::npos && scheme_end < url.find('/')) {
    const absl::string_view rest = url.substr(scheme_end + 3);
    const size_t slash = std::min(rest.find('/'), rest.size());
    return {std::string(url.substr(0, scheme_end)), std::string(rest.substr(0, slash)),
            std::string(rest.substr(slash))};
  }
  const size_t slash = std::min(url.find('/'), url.size());
  const size_t colon = url.find(':');
  // HOST:PATH, as for scp.
  if (colon < slash) {
    return {"ssh", std::string(url.substr(0, colon)), std::string(url.substr(colon + 1))};
  }
  return {"", std::string(url.substr(0, slash)), std::string(url.substr(slash))};
}

bool IsDefaultPort(absl::string_view scheme, absl::string_view port) {
  return scheme == "ssh" || scheme == "git" || port.empty() ||
         (scheme == "https" && port == "443") || (scheme == "http" && port == "80");
}

std::string HostOf(const Parts& parts) {
  absl::string_view host = parts.authority;
  if (const size_t at = host.rfind('@'); at != absl::string_view::npos) host.remove_prefix(at + 1);
  const size_t colon = host.rfind(':');
  if (colon == absl::string_view::npos) return std::string(host);
  const absl::string_view port = host.substr(colon + 1);
  const bool is_port = std::all_of(port.begin(), port.end(), absl::ascii_isdigit);
  return std::string(is_port && IsDefaultPort(parts.scheme, port) ? host.substr(0, colon) : host);
}

// git@ssh.dev.azure.com:v3/ORG/PROJECT/REPO is https://dev.azure.com/ORG/PROJECT/_git/REPO.
std::string HttpsOfAzure(absl::string_view path) {
  const std::vector<std::string> names = absl::StrSplit(path, '/');
  return absl::StrCat("dev.azure.com/", names[1], "/", names[2], "/_git/", names[3]);
}

}  // namespace

std::string RepositoryKey(absl::string_view url) {
  const std::string lower = absl::AsciiStrToLower(url);
  const Parts parts = SplitUrl(lower);
  const std::string host = HostOf(parts);
  absl::string_view path = parts.path;
  while (absl::ConsumePrefix(&path, "/")) {
  }
  while (absl::ConsumeSuffix(&path, "/")) {
  }
  absl::ConsumeSuffix(&path, ".git");
  if (host == "ssh.dev.azure.com" && absl::StartsWith(path, "v3/") &&
      std::count(path.begin(), path.end(), '/') == 3) {
    return HttpsOfAzure(path);
  }
  return absl::StrCat(host, "/", path);
}

}  // namespace gitops
