#ifndef GITOPS_AGENT_CONTROLLER_DIFF_WORK_H_
#define GITOPS_AGENT_CONTROLLER_DIFF_WORK_H_

#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/controller/service_options.h"

namespace gitops {

// The differences that people look at, with the diffs of texts where `diff_texts` is not null. They
// read files, and may need the upstream: not for turns. `published` is what is published.
absl::StatusOr<std::vector<DriftEntry>> DiffOnHost(const ServiceDrivers& drivers,
                                                   const TextDiffer& diff_texts,
                                                   const std::string& published,
                                                   const DiffWish& wish, std::stop_token stop);
absl::StatusOr<std::vector<DriftEntry>> DiffOfRevisions(
    const ServiceDrivers& drivers, const TextDiffer& diff_texts,
    const std::vector<DirectorySpec>& directories, const std::string& from, const std::string& to,
    const DiffWish& wish, std::stop_token stop);

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_DIFF_WORK_H_
