#include "common/config/fleet_render.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/config/duration.h"
#include "common/git/url.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", std::string(1, c));
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      absl::StrAppendFormat(&quoted, "\\u%04X", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string Quoted(const std::vector<std::string>& texts) {
  return absl::StrCat("[",
                      absl::StrJoin(texts, ", ",
                                    [](std::string* out, const std::string& text) {
                                      absl::StrAppend(out, Quoted(text));
                                    }),
                      "]");
}

// Writes the keys of one table.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void Text(absl::string_view key, absl::string_view value, absl::string_view standard = "") {
    if (value != standard) Line(key, Quoted(value));
  }
  void Texts(absl::string_view key, const std::vector<std::string>& values) {
    if (!values.empty()) Line(key, Quoted(values));
  }
  void Number(absl::string_view key, int64_t value, int64_t standard) {
    if (value != standard) Line(key, absl::StrCat(value));
  }
  void Bool(absl::string_view key, bool value, bool standard) {
    if (value != standard) Line(key, value ? "true" : "false");
  }
  void Duration(absl::string_view key, absl::Duration value, absl::Duration standard) {
    if (value != standard) Line(key, Quoted(FormatDurationText(value)));
  }
  void Line(absl::string_view key, absl::string_view value) {
    absl::StrAppend(&out_, key, " = ", value, "\n");
  }

 private:
  std::string& out_;
};

void WriteDirectories(const std::vector<DirectorySpec>& directories, std::string& out) {
  if (directories.empty()) return;
  absl::StrAppend(&out, "dirs = [\n");
  for (const DirectorySpec& directory : directories) {
    absl::StrAppend(
        &out, "    { ",
        directory.local.empty() ? "" : absl::StrCat("local = ", Quoted(directory.local), ", "),
        "link = ", Quoted(directory.link), directory.file ? ", file = true" : "", " },\n");
  }
  absl::StrAppend(&out, "]\n");
}

void WriteSource(const ServiceSpec& spec, const ServiceSpec& standard, Writer& write) {
  if (spec.nix.has_value()) {
    write.Text("profile", spec.nix->profile);
    write.Text("job_uri", RedactUrl(spec.nix->job_uri));
    write.Text("netrc_file", spec.nix->netrc_file);
    write.Text("require", spec.nix->require, NixSpec().require);
    return;
  }
  const auto url = ParseGitUrl(spec.upstream.url);
  write.Text("upstream", url.ok() ? url->plain : RedactUrl(spec.upstream.url));
  write.Text("branch", spec.branch, standard.branch);
  write.Text("ssh_key", spec.upstream.ssh_key);
  write.Text("known_hosts", spec.upstream.known_hosts);
  write.Text("netrc_file", spec.upstream.netrc_file);
  write.Text("ca_file", spec.upstream.ca_file);
  if (!spec.upstream.proxy.empty()) write.Text("proxy", RedactUrl(spec.upstream.proxy));
  write.Number("git_memory", spec.upstream.git_memory, 0);
}

void WriteService(const ServiceSpec& spec, std::string& out) {
  const ServiceSpec standard;
  absl::StrAppend(&out, "[[services]]\n");
  Writer write(out);
  write.Text("machine", spec.machine);
  write.Text("service", spec.service);
  WriteSource(spec, standard, write);
  write.Text("mount", spec.mount);
  write.Text("user", spec.user);
  write.Text("action", spec.action);
  write.Text("package", spec.package);
  WriteDirectories(spec.directories, out);
  if (spec.poll.has_value()) write.Duration("poll", *spec.poll, absl::ZeroDuration());
  if (spec.tracking == Tracking::kCoordinated) write.Text("tracking", "coordinated");
  write.Bool("writable", spec.writable, standard.writable);
  if (spec.drift == DriftPolicy::kCorrect) write.Text("drift", "correct");
  write.Duration("healthy_within", spec.healthy_within, standard.healthy_within);
  write.Bool("rollback_on_failure", spec.rollback_on_failure, standard.rollback_on_failure);
  write.Number("keep_revisions", spec.keep_revisions, standard.keep_revisions);
  write.Number("max_files", spec.max_files, standard.max_files);
  write.Number("max_bytes", spec.max_bytes, standard.max_bytes);
  write.Number("max_untracked_files", spec.max_untracked_files, standard.max_untracked_files);
  write.Number("max_untracked_bytes", spec.max_untracked_bytes, standard.max_untracked_bytes);
  absl::StrAppend(&out, "\n");
}

void WriteChecks(const ChecksSpec& checks, absl::string_view table, std::string& out) {
  Writer write(out);
  for (const HttpCheckSpec& check : checks.http) {
    const HttpCheckSpec standard;
    absl::StrAppend(&out, "\n[[", table, ".http]]\n");
    write.Text("description", check.description);
    write.Text("host", check.host);
    write.Text("scheme", check.scheme, standard.scheme);
    write.Line("port", absl::StrCat(check.port));
    write.Text("path", check.path);
    if (!check.headers.empty()) {
      std::vector<std::string> headers;
      for (const auto& [name, value] : check.headers) {
        headers.push_back(absl::StrCat(Quoted(name), " = ", Quoted(value)));
      }
      write.Line("headers", absl::StrCat("{ ", absl::StrJoin(headers, ", "), " }"));
    }
    write.Duration("period", check.period, standard.period);
    write.Duration("timeout", check.timeout, standard.timeout);
    write.Bool("insecure_ssl", check.insecure_ssl, standard.insecure_ssl);
    write.Bool("follow_redirects", check.follow_redirects, standard.follow_redirects);
  }
  for (const CmdCheckSpec& check : checks.cmd) {
    const CmdCheckSpec standard;
    absl::StrAppend(&out, "\n[[", table, ".cmd]]\n");
    write.Text("description", check.description);
    write.Texts("cmd", check.cmd);
    write.Duration("period", check.period, standard.period);
    write.Duration("timeout", check.timeout, standard.timeout);
  }
}

void WriteHost(const HostSpec& host, std::string& out) {
  absl::StrAppend(&out, "[[hosts]]\n");
  Writer write(out);
  write.Text("name", host.name);
  write.Text("address", host.address);
  write.Texts("tags", host.tags);
  WriteChecks(host.health_checks, "hosts.health_checks", out);
  WriteChecks(host.pre_deploy_checks, "hosts.pre_deploy_checks", out);
  for (const auto& [name, secret] : host.secrets) {
    const SecretSpec standard;
    absl::StrAppend(&out, "\n[hosts.secrets.", Quoted(name), "]\n");
    write.Text("source", secret.source);
    write.Text("destination", secret.destination);
    write.Line("owner", absl::StrCat("{ user = ", Quoted(secret.owner_user),
                                     ", group = ", Quoted(secret.owner_group), " }"));
    write.Text("permissions", secret.permissions);
    write.Texts("action", secret.action);
    write.Bool("mk_dirs", secret.mk_dirs, standard.mk_dirs);
    write.Text("upload_at", secret.upload_at, standard.upload_at);
  }
}

}  // namespace

std::string RenderService(const ServiceSpec& spec) {
  std::string out;
  WriteService(spec, out);
  return out;
}

std::string RenderHostEntry(const HostSpec& host) {
  std::string out;
  WriteHost(host, out);
  return out;
}

absl::StatusOr<std::string> RenderHost(const FleetConfig& config, const std::string& host,
                                       const std::vector<std::string>& aliases) {
  const auto services = ServicesOf(config, host, aliases);
  if (!services.ok()) return services.status();
  std::string out;
  for (const ServiceSpec& service : *services) WriteService(service, out);
  bool found = !services->empty();
  std::vector<std::string> names;
  for (const HostSpec& one : config.hosts) {
    names.push_back(one.name);
    if (!absl::EqualsIgnoreCase(one.name, host)) continue;
    WriteHost(one, out);
    found = true;
  }
  if (found) return out;
  return absl::NotFoundError(absl::StrCat(config.file, " has neither the host \"", host,
                                          "\" nor a service for it",
                                          Suggestion(host, names, false)));
}

}  // namespace gitops
