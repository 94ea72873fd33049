output "names" {
  description = "Names of all alarms."
  value = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.edge : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name],
  ))
}
