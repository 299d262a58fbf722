#ifndef GITOPS_SERVICES_PLANNER_RECORD_RECORD_TEXTS_H_
#define GITOPS_SERVICES_PLANNER_RECORD_RECORD_TEXTS_H_

#include <cstddef>

#include "gitops/record/v1/deployment.pb.h"
#include "google/protobuf/message.h"

namespace gitops {

inline constexpr size_t kMostOutputBytes = 16 << 10;  // an action's output, a hook's request…
inline constexpr size_t kMostMessageBytes = 4 << 10;  // every other text for people
inline constexpr size_t kMostStepBytes = 1 << 20;     // a step with all its texts
inline constexpr int kMostStepParts = 1000;           // actions, and hook calls, of a step

// Makes every string of `message` valid UTF-8 (protobuf would not read it back otherwise), and cuts
// texts that hosts and hooks wrote for people to the limits above. Names, actions, globs and hashes
// keep their length, since cut ones would mean something else.
void BoundTexts(google::protobuf::Message& message);

// Does the same, keeps only the newest kMostStepParts actions and hook calls, and shortens all
// texts alike if the step would be larger than kMostStepBytes.
void BoundStep(record::v1::StepRecord& step);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_RECORD_TEXTS_H_
