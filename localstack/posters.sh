#!/usr/bin/env bash
# The posters' bucket, as infra/terraform makes it in production: anyone may read a poster whose name he knows.
set -euo pipefail
bucket=ticket-queue-posters
awslocal s3api create-bucket --bucket "$bucket" --create-bucket-configuration LocationConstraint=ap-northeast-2 || true
awslocal s3api put-bucket-policy --bucket "$bucket" --policy '{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::ticket-queue-posters/posters/*"}
  ]
}'
