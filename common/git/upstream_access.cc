#include "common/git/upstream_access.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/git/netrc.h"
#include "common/git/url.h"
#include "common/path/read_file.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

absl::Status Refuse(absl::string_view url, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("the upstream \"", RedactUrl(url), "\" cannot be used: ", why));
}

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

// Of everything that could mean something in a URL.
std::string PercentEncode(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.') {
      out.push_back(c);
    } else {
      absl::StrAppend(&out, "%", absl::BytesToHexString(absl::string_view(&c, 1)));
    }
  }
  return out;
}

std::string Quoted(absl::string_view value) {
  return absl::StrCat("\"", absl::CEscape(value), "\"");
}

std::string ShellQuoted(absl::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// git's quoting has only these escapes; non-ASCII bytes are literal.
std::string ConfigQuoted(absl::string_view value) {
  std::string out = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

// Every directory in which git may find a repository for `path`.
std::set<std::string> CandidateDirectories(const std::string& path) {
  std::set<std::string> directories;
  for (const char* suffix : {"", "/.git", ".git", ".git/.git"}) {
    const std::string candidate = path + suffix;
    directories.insert(candidate);
    char real[PATH_MAX];
    if (realpath(candidate.c_str(), real) != nullptr) directories.insert(real);
  }
  return directories;
}

// The first symlink among the files from which git reads references and objects. Single objects are
// not checked: a user who can name them has them already.
std::string SymlinkOf(const std::string& repository) {
  for (const char* part : {"", "/refs", "/refs/heads", "/objects", "/objects/pack"}) {
    std::error_code error;
    std::filesystem::directory_iterator entries(repository + part, error);
    for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
      if (entries->is_symlink(error)) return entries->path().string();
    }
  }
  return "";
}

std::string FileSection(const UpstreamAccess& access) {
  std::string text = "[safe]\n";
  for (const std::string& directory : CandidateDirectories(access.path)) {
    absl::StrAppend(&text, " directory = ", ConfigQuoted(directory), "\n");
  }
  // Here git is also the server. Computing deltas costs more than it saves on one disk.
  absl::StrAppend(&text,
                  "[uploadpack]\n allowFilter = true\n allowAnySHA1InWant = true\n"
                  "[pack]\n window = 0\n");
  return text;
}

std::string HttpSection(const UpstreamSpec& spec, const std::string& credentials) {
  std::string text =
      "[http]\n followRedirects = initial\n lowSpeedLimit = 1000\n lowSpeedTime = 30\n";
  if (!spec.ca_file.empty()) {
    absl::StrAppend(&text, " sslCAInfo = ", ConfigQuoted(spec.ca_file), "\n");
  }
  if (!spec.proxy.empty()) absl::StrAppend(&text, " proxy = ", ConfigQuoted(spec.proxy), "\n");
  // For reading only: git also asks helpers to store a login that worked, and to erase one that did
  // not. A login is for one scheme, host and port, and so goes to no other after a redirect.
  const std::string helper = absl::StrCat(
      "!f() { test \"$1\" = get || exit 0; git credential-store --file=", ShellQuoted(credentials),
      " get; }; f");
  return absl::StrCat(text, "[credential]\n helper = ", ConfigQuoted(helper), "\n");
}

}  // namespace

bool IsHttp(const UpstreamAccess& access) {
  return access.scheme == "http" || access.scheme == "https";
}

absl::StatusOr<UpstreamAccess> ParseUpstream(const UpstreamSpec& spec) {
  const auto url = ParseGitUrl(spec.url);
  if (!url.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("the upstream ", url.status().message()));
  }
  UpstreamAccess access;
  access.scheme = url->scheme;
  access.url = url->plain;
  access.host = url->host;
  access.authority = url->authority;
  access.login = url->user;
  access.password = url->password;
  access.name = RedactUrl(spec.url);
  if (url->scheme == "file") access.path = url->path;
  if (IsHttp(access) && url->path.find_first_of("?#") != std::string::npos) {
    return Refuse(spec.url,
                  "git passes its URL as an argument, which every local user can read, including "
                  "the text after '?' or '#'; put a token into netrc_file");
  }
  return access;
}

// fsckObjects is off: for a partial mirror git cannot be configured to ignore single errors, so one
// zero-padded mode in an old commit would make an upstream unusable forever. Hashes are verified
// anyway, and CheckTree checks what is published.
std::string GitConfigFor(const UpstreamAccess& access, const UpstreamSpec& spec,
                         const std::string& credentials) {
  std::string text = absl::StrCat(
      "# Written by gitops, which overwrites changes.\n[remote \"origin\"]\n url = ",
      ConfigQuoted(access.url), "\n[protocol]\n version = 2\n allow = never\n[protocol \"",
      access.scheme, "\"]\n allow = always\n",
      "[core]\n hooksPath = /dev/null\n fsmonitor = false\n attributesFile = /dev/null\n"
      " excludesFile = /dev/null\n askPass = /bin/false\n bigFileThreshold = 32m\n"
      " packedGitLimit = 128m\n packedGitWindowSize = 16m\n logAllRefUpdates = false\n commitGraph "
      "= false\n"
      "[credential]\n helper = \n[submodule]\n recurse = false\n"
      "[transfer]\n bundleURI = false\n credentialsInUrl = die\n"
      "[fetch]\n fsckObjects = false\n recurseSubmodules = false\n writeCommitGraph = false\n"
      "[gc]\n auto = 0\n[maintenance]\n auto = false\n[repack]\n writeBitmaps = false\n"
      "[init]\n defaultBranch = main\n[pack]\n threads = 1\n");
  if (access.scheme == "file") text += FileSection(access);
  if (IsHttp(access)) text += HttpSection(spec, credentials);
  return text;
}

std::string SshCommandFor(const UpstreamSpec& spec) {
  std::string command =
      "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20"
      " -o ServerAliveInterval=15 -o ForwardAgent=no -o ForwardX11=no -o ClearAllForwardings=yes"
      " -o PermitLocalCommand=no";
  if (!spec.known_hosts.empty()) {
    absl::StrAppend(&command, " -o ",
                    ShellQuoted(absl::StrCat("UserKnownHostsFile=", Quoted(spec.known_hosts))),
                    " -o GlobalKnownHostsFile=/dev/null");
  }
  if (!spec.ssh_key.empty()) {
    absl::StrAppend(&command, " -o IdentitiesOnly=yes -i ", ShellQuoted(spec.ssh_key));
  }
  return command;
}

// ssh itself refuses such a key only if it belongs to the account that git runs as.
absl::Status CheckSshKey(const UpstreamSpec& spec) {
  struct stat stat {};
  if (spec.ssh_key.empty() || ::stat(spec.ssh_key.c_str(), &stat) != 0) return absl::OkStatus();
  if ((stat.st_mode & S_IRWXO) == 0) return absl::OkStatus();
  return WithStateReason(
      StateReason::kAuthentication,
      absl::FailedPreconditionError(absl::StrCat(
          "ssh_key ", spec.ssh_key, " of upstream ", RedactUrl(spec.url),
          " is open to every account of this host (mode ",
          absl::StrFormat("%04o", stat.st_mode & 07777),
          "): chmod 0600 it, for the account that git runs as, and replace the key if somebody may "
          "have read it")));
}

absl::StatusOr<std::string> CredentialsFor(const UpstreamAccess& access, const UpstreamSpec& spec) {
  if (!IsHttp(access)) return "";
  Login login{access.login, access.password};
  if (!spec.netrc_file.empty() && login.password.empty()) {
    const absl::StatusOr<std::string> netrc = ReadWholeFile(spec.netrc_file);
    if (!netrc.ok()) {
      return WithStateReason(
          StateReason::kAuthentication,
          absl::FailedPreconditionError(absl::StrCat("netrc_file of upstream ", access.name, ": ",
                                                     netrc.status().message())));
    }
    if (const auto found = LoginIn(*netrc, access.host, login.user)) login = *found;
  }
  if (login.user.empty() && login.password.empty()) return "";
  if (HasControl(login.user) || HasControl(login.password)) {
    return Refuse(spec.url, "its login in netrc_file contains a control character");
  }
  // A user without a password is a token: forges accept any password with it.
  if (login.password.empty()) login.password = "x-oauth-basic";
  return absl::StrCat(access.scheme, "://", PercentEncode(login.user), ":",
                      PercentEncode(login.password), "@", access.authority, "\n");
}

absl::Status CheckLocalUpstream(const std::string& path) {
  bool found = false;
  // A ".git" that is a file or a symlink points to a repository that was not configured.
  for (const char* suffix : {"/.git", ".git/.git"}) {
    struct stat stat {};
    if (lstat((path + suffix).c_str(), &stat) == 0 && !S_ISDIR(stat.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the upstream ", path, " is refused: ", path, suffix,
                       " is not a directory but points to one; use that one as the upstream"));
    }
  }
  for (const std::string& directory : CandidateDirectories(path)) {
    struct stat stat {};
    const std::string objects = directory + "/objects";
    if (lstat(objects.c_str(), &stat) != 0) continue;
    found = true;
    if (S_ISLNK(stat.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the upstream ", path, " is refused: its objects directory is a symlink"));
    }
    for (const char* borrowed : {"/objects/info/alternates", "/commondir"}) {
      const std::string file = directory + borrowed;
      if (lstat(file.c_str(), &stat) != 0) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          "the upstream ", path, " is refused: it borrows objects from another repository (", file,
          "); run `git repack -a -d` there and remove that file"));
    }
    if (const std::string symlink = SymlinkOf(directory); !symlink.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the upstream ", path, " is refused: ", symlink,
          " is a symlink, which may lead to another repository; replace it by its target"));
    }
  }
  struct stat stat {};
  // Permission problems are left to git, which runs as the service's user and has better messages.
  if (!found && ::stat(path.c_str(), &stat) != 0 && errno == ENOENT &&
      ::stat((path + ".git").c_str(), &stat) != 0 && errno == ENOENT) {
    return WithStateReason(
        StateReason::kUpstreamUnreachable,
        absl::NotFoundError(absl::StrCat("the upstream ", path, " does not exist")));
  }
  return absl::OkStatus();
}

}  // namespace gitops
