output "queue_url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.events.url
}

output "queue_arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.events.arn
}

output "queue_name" {
  description = "Name of the queue, for alarms."
  value       = aws_sqs_queue.events.name
}

output "dead_letter_queue_name" {
  description = "Name of the queue of dead letters, for alarms."
  value       = aws_sqs_queue.dead.name
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue of dead letters."
  value       = aws_sqs_queue.dead.arn
}
