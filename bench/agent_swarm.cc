// Many agents in one process, to measure a planner with. Runs until its standard input ends. Says
// on standard output, a line each, "serving" and how many are connected once that is none or all:
// "connected 5000".
//
//   agent_swarm HOSTS SERVICES DIRECTORY [--quiet] [--planner ADDRESS] [--tls |
//   --make-certificates]
//
// DIRECTORY gets the hosts' sockets and fleet.toml, for the planner's --config. --quiet: the hosts
// do not serve, they only report. --make-certificates: makes those of the hosts and of a planner in
// DIRECTORY/tls, and ends; --tls: uses them.
#include <sys/resource.h>

#include <fstream>
#include <iostream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bench/swarm.h"

namespace gitops {
namespace {

constexpr char kUsage[] =
    "usage: agent_swarm HOSTS SERVICES DIRECTORY [--quiet] [--planner ADDRESS] [--tls | "
    "--make-certificates]\n";

bool Read(int argc, char** argv, SwarmOptions& options, bool& make_certificates) {
  if (argc < 4 || !absl::SimpleAtoi(argv[1], &options.hosts) || options.hosts < 1) return false;
  if (!absl::SimpleAtoi(argv[2], &options.services) || options.services < 1) return false;
  options.directory = argv[3];
  for (int i = 4; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--quiet") {
      options.serve = false;
    } else if (flag == "--tls") {
      options.tls = true;
    } else if (flag == "--make-certificates") {
      make_certificates = true;
    } else if (flag == "--planner" && i + 1 < argc) {
      options.planner = argv[++i];
    } else {
      return false;
    }
  }
  return true;
}

// A socket for each host and one for each of its connections.
void AllowManyFiles() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// One line at once: others write too.
void Say(const std::string& line) { std::cout << absl::StrCat(line, "\n") << std::flush; }

int Main(int argc, char** argv) {
  SwarmOptions options;
  bool make_certificates = false;
  if (!Read(argc, argv, options, make_certificates)) {
    std::cerr << kUsage;
    return 2;
  }
  if (make_certificates) {
    const absl::Status made = MakeSwarmCertificates(options);
    if (!made.ok()) std::cerr << "agent_swarm: " << made << "\n";
    return made.ok() ? 0 : 1;
  }
  AllowManyFiles();
  options.on_connected = [](int connected) { Say(absl::StrCat("connected ", connected)); };
  std::ofstream fleet(options.directory + "/fleet.toml");
  if (!(fleet << SwarmFleetFile(options) << std::flush)) {
    std::cerr << "agent_swarm: cannot write " << options.directory << "/fleet.toml\n";
    return 1;
  }
  const auto swarm = Swarm::Start(options);
  if (!swarm.ok()) {
    std::cerr << "agent_swarm: " << swarm.status() << "\n";
    return 1;
  }
  Say("serving");
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  return 0;
}

}  // namespace
}  // namespace gitops

int main(int argc, char** argv) { return gitops::Main(argc, argv); }
