#include "common/git/upstream_access.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/git/url.h"

namespace gitops {
namespace {

constexpr std::array<absl::string_view, 5> kSchemes = {"file", "http", "https", "ssh", "git"};

absl::Status Refuse(absl::string_view url, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("the upstream \"", RedactUrl(url), "\" cannot be used: ", why));
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

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

// "user:password@host:port/path", after the scheme.
absl::Status ParseAuthority(absl::string_view rest, UpstreamAccess* access) {
  absl::string_view userinfo;
  absl::string_view host_path = rest;
  // An unescaped password may contain '/' or '@': RedactUrl finds its end.
  const std::string redacted = RedactUrl(access->url);
  const std::string after_user = absl::StrCat("@", redacted.substr(access->scheme.size() + 3));
  if (const size_t at = rest.rfind(after_user); at != absl::string_view::npos) {
    userinfo = rest.substr(0, at);
    host_path = rest.substr(at + 1);
  }
  const absl::string_view host_port = host_path.substr(0, host_path.find('/'));
  const absl::string_view path = host_path.substr(host_port.size());
  const std::pair<absl::string_view, absl::string_view> user = {
      userinfo.substr(0, userinfo.find(':')),
      absl::StrContains(userinfo, ':') ? userinfo.substr(userinfo.find(':') + 1) : ""};
  access->host = absl::StartsWith(host_port, "[")
                     ? std::string(host_port.substr(1, host_port.find(']') - 1))
                     : std::string(host_port.substr(0, host_port.find(':')));
  if (access->host.empty() || absl::StartsWith(access->host, "-")) {
    return Refuse(access->url, "it has no host");
  }
  const bool http = access->scheme == "http" || access->scheme == "https";
  if (http && path.find_first_of("?#") != absl::string_view::npos) {
    return Refuse(access->url,
                  "git passes its URL as an argument, which every local user can read, including "
                  "the text after '?' or '#'; put a token into netrc_file");
  }
  if (http) {
    access->login = PercentDecode(user.first);
    access->password = PercentDecode(user.second);
    if (HasControl(access->login) || HasControl(access->password)) {
      return Refuse(access->url, "its user or password contains a control character");
    }
  }
  const std::string shown_user = http || user.first.empty() ? "" : absl::StrCat(user.first, "@");
  access->url = absl::StrCat(access->scheme, "://", shown_user, host_port, path);
  return absl::OkStatus();
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

std::string NetrcEntry(const UpstreamAccess& access) {
  // A user without a password is a token: forges accept any password with it.
  const std::string password = access.password.empty() ? "x-oauth-basic" : access.password;
  return absl::StrCat("machine ", access.host, "\nlogin ", ConfigQuoted(access.login),
                      "\npassword ", ConfigQuoted(password), "\n");
}

// The next word of a .netrc, which may be quoted; empty at the end.
std::string NextWord(absl::string_view* text) {
  *text = absl::StripLeadingAsciiWhitespace(*text);
  std::string word;
  if (!absl::ConsumePrefix(text, "\"")) {
    word = std::string(text->substr(0, std::min(text->find_first_of(" \t\r\n"), text->size())));
    text->remove_prefix(word.size());
    return word;
  }
  while (!text->empty() && text->front() != '"') {
    if (text->front() == '\\' && text->size() > 1) text->remove_prefix(1);
    word.push_back(text->front());
    text->remove_prefix(1);
  }
  absl::ConsumePrefix(text, "\"");
  return word;
}

// The password in a .netrc for `login` at `host`; empty: none. curl uses the first entry of the
// host, since the URL that it gets has no login, so the entry is selected here.
std::string PasswordIn(absl::string_view netrc, absl::string_view host, absl::string_view login) {
  bool ours = false, is_login = false;
  while (true) {
    const std::string word = NextWord(&netrc);
    if (word.empty() && netrc.empty()) return "";
    if (word == "machine" || word == "default") {
      ours = word == "default" || absl::EqualsIgnoreCase(NextWord(&netrc), host);
      is_login = false;
    } else if (word == "macdef") {
      netrc.remove_prefix(std::min(netrc.find("\n\n"), netrc.size()));
    } else if (word == "login") {
      is_login = NextWord(&netrc) == login;
    } else if (word == "password") {
      std::string password = NextWord(&netrc);
      if (ours && is_login) return password;
    }
  }
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
                  "[pack]\n window = 0\n threads = 1\n");
  return text;
}

std::string HttpSection(const UpstreamSpec& spec) {
  std::string text =
      "[http]\n followRedirects = initial\n lowSpeedLimit = 1000\n lowSpeedTime = 30\n";
  if (!spec.ca_file.empty()) {
    absl::StrAppend(&text, " sslCAInfo = ", ConfigQuoted(spec.ca_file), "\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<UpstreamAccess> ParseUpstream(const UpstreamSpec& spec) {
  UpstreamAccess access;
  access.url = spec.url;
  access.name = RedactUrl(spec.url);
  if (spec.url.empty() || HasControl(spec.url)) {
    return Refuse(spec.url, "it is empty or contains a control character");
  }
  absl::string_view rest = spec.url;
  const size_t scheme_end = rest.find("://");
  if (scheme_end == absl::string_view::npos) {
    if (absl::StartsWith(rest, "/")) {
      access.scheme = "file";
      access.path = spec.url;
      access.url = absl::StrCat("file://", spec.url);
      return access;
    }
    // user@host:path; a "::" would name a remote helper, which may run anything.
    const size_t colon = rest.find(':');
    if (colon == absl::string_view::npos || colon == 0 || rest.front() == '-' ||
        absl::StrContains(rest, "::") || rest.find('/') < colon) {
      return Refuse(spec.url, "it is neither a URL nor an absolute path");
    }
    access.scheme = "ssh";
    access.host = std::string(rest.substr(0, colon));
    access.host = access.host.substr(access.host.find('@') + 1);
    if (absl::StartsWith(access.host, "-")) return Refuse(spec.url, "it has no host");
    return access;
  }
  access.scheme = absl::AsciiStrToLower(rest.substr(0, scheme_end));
  if (std::find(kSchemes.begin(), kSchemes.end(), access.scheme) == kSchemes.end()) {
    return Refuse(spec.url, "the protocol must be one of file, http, https, ssh and git");
  }
  rest.remove_prefix(scheme_end + 3);
  if (access.scheme == "file") {
    absl::ConsumePrefix(&rest, "localhost");
    if (!absl::StartsWith(rest, "/")) return Refuse(spec.url, "a file URL needs an absolute path");
    access.path = PercentDecode(rest);
    access.url = absl::StrCat("file://", rest);
    return access;
  }
  if (auto status = ParseAuthority(rest, &access); !status.ok()) return status;
  return access;
}

// fsckObjects is off: for a partial mirror git cannot be configured to ignore single errors, so one
// zero-padded mode in an old commit would make an upstream unusable forever. Hashes are verified
// anyway, and CheckTree checks what is published.
std::string GitConfigFor(const UpstreamAccess& access, const UpstreamSpec& spec) {
  std::string text = absl::StrCat(
      "# Written by gitops, which overwrites changes.\n[remote \"origin\"]\n url = ",
      ConfigQuoted(access.url), "\n[protocol]\n version = 2\n allow = never\n[protocol \"",
      access.scheme, "\"]\n allow = always\n",
      "[core]\n hooksPath = /dev/null\n fsmonitor = false\n attributesFile = /dev/null\n"
      " excludesFile = /dev/null\n askPass = /bin/false\n bigFileThreshold = 32m\n"
      " packedGitLimit = 256m\n logAllRefUpdates = false\n commitGraph = false\n"
      "[credential]\n helper = \n[submodule]\n recurse = false\n"
      "[transfer]\n bundleURI = false\n credentialsInUrl = die\n"
      "[fetch]\n fsckObjects = false\n recurseSubmodules = false\n writeCommitGraph = false\n"
      "[gc]\n auto = 0\n[maintenance]\n auto = false\n[repack]\n writeBitmaps = false\n"
      "[init]\n defaultBranch = main\n");
  if (access.scheme == "file") text += FileSection(access);
  if (access.scheme == "http" || access.scheme == "https") text += HttpSection(spec);
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

absl::StatusOr<std::string> NetrcFor(const UpstreamAccess& access, const UpstreamSpec& spec) {
  if (access.scheme != "http" && access.scheme != "https") return "";
  const std::string own = access.login.empty() && access.password.empty() ? "" : NetrcEntry(access);
  if (spec.netrc_file.empty()) return own;
  std::ifstream file(spec.netrc_file);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file) {
    return absl::FailedPreconditionError(absl::StrCat(
        "netrc_file ", spec.netrc_file, " of upstream ", access.name, " cannot be read"));
  }
  if (access.login.empty() || !access.password.empty()) return absl::StrCat(own, content.str());
  UpstreamAccess chosen = access;
  chosen.password = PasswordIn(content.str(), access.host, access.login);
  return absl::StrCat(NetrcEntry(chosen), content.str());
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
    return absl::NotFoundError(absl::StrCat("the upstream ", path, " does not exist"));
  }
  return absl::OkStatus();
}

}  // namespace gitops
