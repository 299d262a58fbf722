#ifndef GITOPS_AGENT_NIX_NIX_H_
#define GITOPS_AGENT_NIX_NIX_H_

#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/process/process.h"

namespace gitops {

// Where Nix keeps its things on this host, and how its programs are run.
struct NixHost {
  std::string store = "/nix/store";
  std::string state = "/nix/var/nix";
  // For Nix's programs, and for programs of profiles.
  std::vector<std::pair<std::string, std::string>> environment;
};

// As `environ`, an environment of this process, says: NIX_STORE_DIR and NIX_STATE_DIR beside every
// other variable of Nix, HOME, the proxies, and SSL_CERT_FILE.
NixHost NixHostFrom(const char* const* environ);

// One generation of a profile.
struct Generation {
  int64_t number = 0;
  std::string path;  // in the store

  bool operator==(const Generation&) const = default;
};

// What a profile has.
struct ProfileContent {
  std::vector<Generation> generations;  // by number
  int64_t current = 0;                  // 0: none of them
  std::string path;                     // what the profile shows; empty: it does not exist
};

// Nix, run as a program (ADR 45). Thread-safe; Nix's own locks order what is done with one profile.
//
// Errors of everything that runs Nix, with the last lines that it printed: FAILED_PRECONDITION:
// Nix is missing or too old, a signature is missing or wrong, the disk is read-only, or any other
// refusal; NOT_FOUND: no substituter has the path; UNAVAILABLE: a substituter could not be reached,
// and no other one has the path; RESOURCE_EXHAUSTED: the disk is full; DEADLINE_EXCEEDED: killed at
// its time limit, with its children; CANCELLED: `stop` was requested.
class Nix {
 public:
  struct Options {
    ProcessRunner* runner = nullptr;  // not owned
    NixHost host;
    absl::Duration realise_timeout = absl::Hours(1);
    absl::Duration command_timeout = absl::Minutes(5);  // of anything else
  };
  // The oldest version that the agent works with.
  static constexpr absl::string_view kOldestVersion = "2.4";

  explicit Nix(Options options) : options_(std::move(options)) {}

  const NixHost& host() const { return options_.host; }

  // The installed version; FAILED_PRECONDITION: there is none, or it is too old.
  absl::StatusOr<std::string> Version(std::stop_token stop) const;

  // The path of a profile: a name below the state's profiles, or an absolute path as it stands.
  std::string ProfilePath(absl::string_view profile) const;

  // Gets `path`, of the store, from the substituters that Nix is configured with, unless it is
  // there; nothing is ever built. `root`, an absolute path, becomes a symlink to it, made with its
  // directories if needed, that keeps it from being collected, without a moment in between.
  absl::Status Realise(const std::string& path, const std::string& root,
                       std::stop_token stop) const;

  // Makes `path`, which is in the store, a generation of the profile, and the current one. One with
  // the same path that is current already stays as it is. `profile` as of ProfilePath; its
  // directory is made if it is missing.
  absl::Status Set(const std::string& profile, const std::string& path, std::stop_token stop) const;

  // Makes an existing generation the current one. NOT_FOUND: there is no such generation.
  absl::Status SwitchTo(const std::string& profile, int64_t generation, std::stop_token stop) const;

  // Removes the generations of `profile` except the `keep` newest, the current one, and those whose
  // path is in `in_use`; they are gone as roots, and collectable if nothing else needs them.
  absl::Status RemoveOld(const std::string& profile, int keep, const std::set<std::string>& in_use,
                         std::stop_token stop) const;

  // Removes the profile with all its generations. OK if there is none.
  absl::Status RemoveProfile(const std::string& profile) const;

  // Reads what is there; spawns no process. A profile that does not exist has no content. Errors by
  // errno; FAILED_PRECONDITION: something that is no profile is at the path.
  static absl::StatusOr<ProfileContent> Read(const std::string& profile);

 private:
  absl::StatusOr<std::string> Run(std::vector<std::string> argv, const std::string& attempted,
                                  absl::Duration timeout, const std::stop_token& stop) const;

  const Options options_;
};

// The newest generation before the current one with another path; null: there is none. The result
// points into `content`. For a way back.
const Generation* Previous(const ProfileContent& content);

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_NIX_H_
