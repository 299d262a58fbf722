#include "services/planner/audit/reported_audits.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/clock/fake_clock.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"

namespace gitops {
namespace {

v1::AuditHead Head(const std::string& chain, int64_t count, const std::string& hash) {
  v1::AuditHead head;
  head.set_chain(chain);
  head.set_count(count);
  head.set_hash(hash);
  return head;
}

class ReportedAuditsTest : public testing::Test {
 protected:
  void Start() {
    audits_ = std::make_unique<ReportedAudits>(
        &store_, &clock_, [this](const std::string& text) { notes_.push_back(text); });
  }

  FakeClock clock_;
  TempStore temp_;
  FaultyStore store_{temp_.store()};
  std::vector<std::string> notes_;
  std::unique_ptr<ReportedAudits> audits_;
};

TEST_F(ReportedAuditsTest, AChainThatGrowsIsNoFault) {
  Start();
  audits_->Reported("web1", Head("c", 3, "aa"));
  audits_->Reported("web1", Head("c", 3, "aa"));
  audits_->Reported("web1", Head("c", 8, "bb"));
  EXPECT_EQ(audits_->faults(), 0);
  EXPECT_EQ(audits_->Of("web1").count(), 8);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(ReportedAuditsTest, AChainThatWasCutIsNotedAndStaysAFaultUntilItIsAcknowledged) {
  Start();
  audits_->Reported("web1", Head("c", 8, "bb"));
  audits_->Reported("web1", Head("c", 5, "ab"));
  audits_->Reported("web1", Head("c", 6, "ac"));
  EXPECT_EQ(notes_, (std::vector<std::string>{"the audit of host web1 is not what it was: its end "
                                              "was cut off: it had 8 entries, and has 5"}));
  EXPECT_EQ(audits_->faults(), 1);
  EXPECT_FALSE(audits_->Acknowledge("web2"));
  EXPECT_TRUE(audits_->Acknowledge("web1"));
  EXPECT_FALSE(audits_->Acknowledge("web1"));
  EXPECT_EQ(audits_->faults(), 0);
}

TEST_F(ReportedAuditsTest, AChangedLastEntryAndANewChainAreFaults) {
  Start();
  audits_->Reported("web1", Head("c", 8, "bb"));
  audits_->Reported("web1", Head("c", 8, "xx"));
  audits_->Reported("web2", Head("c", 8, "bb"));
  audits_->Reported("web2", Head("d", 20, "bb"));
  EXPECT_EQ(audits_->faults(), 2);
}

TEST_F(ReportedAuditsTest, WhatWasReportedIsKnownAfterARestart) {
  Start();
  audits_->Reported("web1", Head("c", 8, "bb"));
  store_.FailNthWrite(1);
  EXPECT_FALSE(audits_->Save().ok());
  ASSERT_TRUE(audits_->Save().ok());
  Start();
  audits_->Reported("web1", Head("c", 5, "ab"));
  EXPECT_EQ(audits_->faults(), 1);
  ASSERT_TRUE(audits_->Save().ok());
  Start();
  EXPECT_EQ(audits_->faults(), 1);
}

TEST_F(ReportedAuditsTest, ManyHostsAreStoredTogetherAndUnchangedOnesNotAtAll) {
  Start();
  for (int i = 0; i < 2'500; ++i) {
    audits_->Reported("host" + std::to_string(i), Head("c", 1, "aa"));
  }
  ASSERT_TRUE(audits_->Save().ok());
  EXPECT_EQ(store_.writes(), 3);
  for (int i = 0; i < 2'500; ++i) {
    audits_->Reported("host" + std::to_string(i), Head("c", 1, "aa"));
  }
  ASSERT_TRUE(audits_->Save().ok());
  EXPECT_EQ(store_.writes(), 3);
}

}  // namespace
}  // namespace gitops
