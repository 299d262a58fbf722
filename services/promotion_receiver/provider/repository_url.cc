#include "services/promotion_receiver/provider/repository_url.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/git/url.h"

namespace gitops {
namespace {

using Segments = std::vector<std::string>;

// The parts that all providers' URLs have; the segments are encoded as in the URL.
struct Place {
  std::string site;  // "https://host:port"
  std::string host;  // "host:port", in lower case
  Segments path;
};

absl::StatusOr<Place> Parse(const std::string& url) {
  if (absl::Status status = CheckUpstreamUrl(url); !status.ok()) return status;
  // Without user, password, query and fragment.
  const std::string plain = RedactUrl(url);
  Place place;
  absl::string_view rest = plain;
  const size_t scheme_end = plain.find("://");
  std::string scheme = "ssh";
  if (scheme_end != std::string::npos) {
    scheme = absl::AsciiStrToLower(plain.substr(0, scheme_end));
    rest.remove_prefix(scheme_end + 3);
  }
  const size_t end = rest.find(scheme_end == std::string::npos ? ':' : '/');
  place.host = absl::AsciiStrToLower(rest.substr(0, end));
  if ((scheme != "https" && scheme != "http" && scheme != "ssh") ||
      end == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", plain, "\" is not an https://, http:// or ssh URL"));
  }
  if (scheme == "ssh") {
    if (scheme_end != std::string::npos) place.host = place.host.substr(0, place.host.find(':'));
    scheme = "https";
  }
  place.site = absl::StrCat(scheme, "://", place.host);
  place.path = absl::StrSplit(rest.substr(end + 1), '/', absl::SkipEmpty());
  return place;
}

std::string Joined(const std::string& site, absl::Span<const std::string> path) {
  std::string url = site;
  for (const std::string& segment : path) absl::StrAppend(&url, "/", segment);
  return url;
}

// The last two segments, without ".git".
bool TakeOwnerAndName(Place& place, RepositoryAddress& address) {
  if (place.path.size() < 2) return false;
  address.name = std::string(absl::StripSuffix(place.path.back(), ".git"));
  place.path.pop_back();
  address.owner = place.path.back();
  place.path.pop_back();
  return !address.name.empty();
}

bool IsGithub(Place place, RepositoryAddress& address) {
  if (!TakeOwnerAndName(place, address) || !place.path.empty()) return false;
  if (place.host == "www.github.com" || place.host == "ssh.github.com") {
    place.site = "https://github.com";
  }
  std::string api = absl::StrCat(place.site, "/api/v3");
  if (place.site == "https://github.com") {
    api = "https://api.github.com";
  } else if (absl::EndsWith(place.host, ".ghe.com")) {
    api = absl::StrCat("https://api.", place.host);
  }
  address.web = Joined(place.site, {address.owner, address.name});
  address.clone_url = address.web + ".git";
  address.api = Joined(api, {"repos", address.owner, address.name});
  return true;
}

bool IsGitea(Place place, RepositoryAddress& address) {
  if (!TakeOwnerAndName(place, address)) return false;
  const std::string root = Joined(place.site, place.path);
  address.web = Joined(root, {address.owner, address.name});
  address.clone_url = address.web + ".git";
  address.api = Joined(root, {"api", "v1", "repos", address.owner, address.name});
  return true;
}

bool IsGitlab(Place place, RepositoryAddress& address) {
  const Segments groups = place.path;
  if (!TakeOwnerAndName(place, address)) return false;
  Segments path(groups.begin(), groups.end() - 1);
  path.push_back(address.name);
  address.web = Joined(place.site, path);
  address.clone_url = address.web + ".git";
  // One segment for the whole path.
  address.api = absl::StrCat(place.site, "/api/v4/projects/", absl::StrJoin(path, "%2F"));
  return true;
}

bool IsBitbucketServer(Place place, RepositoryAddress& address) {
  if (!TakeOwnerAndName(place, address)) return false;
  if (!place.path.empty() && place.path.back() == "scm") place.path.pop_back();
  const std::string root = Joined(place.site, place.path);
  address.clone_url = Joined(root, {"scm", address.owner, address.name}) + ".git";
  address.web = Joined(root, {"projects", address.owner, "repos", address.name});
  address.api =
      Joined(root, {"rest", "api", "1.0", "projects", address.owner, "repos", address.name});
  return true;
}

// COLLECTION/PROJECT/_git/NAME; without a project it has the name of the repository.
bool IsAzureDevops(Place place, RepositoryAddress& address) {
  // git@ssh.dev.azure.com:v3/ORGANIZATION/PROJECT/NAME
  if (place.host == "ssh.dev.azure.com" && place.path.size() == 4 && place.path[0] == "v3") {
    place.site = "https://dev.azure.com";
    place.path = {place.path[1], place.path[2], "_git", place.path[3]};
  }
  const size_t length = place.path.size();
  if (length < 2 || place.path[length - 2] != "_git") return false;
  address.name = place.path.back();
  Segments around(place.path.begin(), place.path.end() - 2);
  const bool organization_in_host = absl::EndsWith(place.host, ".visualstudio.com");
  const bool only_collection =
      !around.empty() && absl::EqualsIgnoreCase(around.back(), "DefaultCollection");
  const size_t needed = organization_in_host ? 1 : 2;
  Segments project = around;
  if (only_collection || around.size() < needed) project.push_back(address.name);
  if (project.size() < needed) return false;
  address.owner = project.back();
  address.web = Joined(place.site, place.path);
  address.clone_url = address.web;
  address.api = Joined(Joined(place.site, project), {"_apis", "git", "repositories", address.name});
  return true;
}

}  // namespace

absl::string_view NameOf(Provider provider) {
  switch (provider) {
    case Provider::kGithub:
      return "GitHub";
    case Provider::kGitlab:
      return "GitLab";
    case Provider::kBitbucketServer:
      return "Bitbucket Server";
    case Provider::kAzureDevops:
      return "Azure DevOps";
    case Provider::kGitea:
      return "Gitea";
  }
  return "unknown provider";
}

absl::StatusOr<RepositoryAddress> AddressOf(Provider provider, const std::string& url) {
  absl::StatusOr<Place> place = Parse(url);
  if (!place.ok()) return place.status();
  RepositoryAddress address;
  bool found = false;
  absl::string_view form = "https://HOST/OWNER/NAME.git";
  switch (provider) {
    case Provider::kGithub:
      found = IsGithub(*std::move(place), address);
      break;
    case Provider::kGitlab:
      found = IsGitlab(*std::move(place), address);
      form = "https://HOST/GROUP/NAME.git";
      break;
    case Provider::kGitea:
      found = IsGitea(*std::move(place), address);
      break;
    case Provider::kBitbucketServer:
      found = IsBitbucketServer(*std::move(place), address);
      form = "https://HOST/scm/PROJECT/NAME.git";
      break;
    case Provider::kAzureDevops:
      found = IsAzureDevops(*std::move(place), address);
      form = "https://dev.azure.com/ORGANIZATION/PROJECT/_git/NAME";
      break;
  }
  if (found) return address;
  return absl::InvalidArgumentError(absl::StrCat("\"", RedactUrl(url), "\" is not a repository at ",
                                                 NameOf(provider), ": write ", form));
}

std::string UrlEncoded(absl::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || absl::string_view("-._~").find(c) != absl::string_view::npos) {
      encoded.push_back(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", byte);
    }
  }
  return encoded;
}

}  // namespace gitops
