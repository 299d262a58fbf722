#ifndef GITOPS_CTL_TESTING_FAKE_PARTS_H_
#define GITOPS_CTL_TESTING_FAKE_PARTS_H_

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// Helper functions of fake_planner.cc.

inline std::chrono::steady_clock::time_point After(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

// The fake applies only `on`, as a list of names.
inline bool IsSelected(const v1::Selection& selection, const std::string& host) {
  const auto& on = selection.on();
  return on.empty() || std::find(on.begin(), on.end(), host) != on.end();
}

inline v1::Deployment WithoutHosts(v1::Deployment deployment) {
  deployment.clear_hosts();
  deployment.clear_hook_calls();
  return deployment;
}

// Stores the message under `key`. Returns whether `sent` had none or a different one.
inline bool IsNews(const std::string& key, const google::protobuf::Message& message,
                   std::map<std::string, std::string>& sent) {
  std::string now = message.SerializeAsString();
  if (sent.contains(key) && sent[key] == now) return false;
  sent[key] = std::move(now);
  return true;
}

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_TESTING_FAKE_PARTS_H_
